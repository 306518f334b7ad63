# SPDX-License-Identifier: Apache-2.0
"""The hook against a grpcio server that does nothing: start, latency, memory."""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from bench.figures import describe_machine, judge, median, percentile, read_memory
from bench.servers import Server, run_do_nothing, run_portside

RECORDINGS = Path(__file__).parents[1] / "tests" / "data" / "kubevirt-1.9"
BOOTS = ("bigmem", "nic1", "nic4", "sriov")
CALLS = [call for boot in BOOTS for call in sorted((RECORDINGS / boot).glob("pass*-to-hook.xml"))]

BLOCK = 20
START_MILLISECONDS = 150
LATENCY_RATIO = 1.5
MEMORY_RATIO = 1.15
MEMORY_MB = 32


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="calls of each kind")
    parser.add_argument("--starts", type=int, default=15, help="starts of each server")
    parser.add_argument("--calls", type=int, default=10_000, help="calls before memory is read")
    parser.add_argument("--interfaces", type=int, default=8, help="total that the VMIs ask for")
    given = parser.parse_args()
    print(f"hook: {describe_machine()}")
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        measure_start(Path(directory), given.starts)
        with run_portside(Path(directory)) as hook, run_do_nothing(Path(directory)) as nothing:
            measure_latency(hook, nothing, given.interfaces, given.rounds)
            measure_memory(hook, nothing, given.interfaces, given.calls)


def measure_start(directory: Path, starts: int) -> None:
    """From exec to the answer to Info; the servers take turns."""
    ours, theirs = [], []
    for _ in range(starts + 1):
        with run_portside(directory) as server:
            ours.append(server.started * 1000)
        with run_do_nothing(directory) as server:
            theirs.append(server.started * 1000)
    ours, theirs = ours[1:], theirs[1:]  # the first ones read from disk
    print(f" exec to Info, median of {starts} (do-nothing: {median(theirs):.0f} ms)")
    judge("portside hook", median(ours), START_MILLISECONDS, "ms")


def measure_latency(hook: Server, nothing: Server, interfaces: int, rounds: int) -> None:
    """One connection a call; the servers take turns, so that both see the same machine.

    In blocks, for the calls of a boot all go to one server: after each call to another process
    the caches would hold that one's code, which costs most the server that does most.
    """
    print(f" OnDefineDomain asking for {interfaces} interfaces, {rounds} calls each, milliseconds")
    print(f"  {'call':<14} {'median':>8} {'p99':>8}   {'nothing':>8} {'p99':>8}   ratio")
    all_ours, all_theirs = [], []
    for call in CALLS:
        domain, vmi = read_call(call, interfaces)
        ours, theirs = [], []
        for _ in range(0, rounds, BLOCK):
            ours += [hook.time_define(domain, vmi) * 1000 for _ in range(BLOCK)]
            theirs += [nothing.time_define(domain, vmi) * 1000 for _ in range(BLOCK)]
        print(
            f"  {call.parent.name + ' ' + call.name[:5]:<14} {median(ours):8.2f} "
            f"{percentile(ours, 0.99):8.2f}   {median(theirs):8.2f} "
            f"{percentile(theirs, 0.99):8.2f}   {median(ours) / median(theirs):5.2f}"
        )
        all_ours += ours
        all_theirs += theirs
    judge("median of all, ratio", median(all_ours) / median(all_theirs), LATENCY_RATIO)


def measure_memory(hook: Server, nothing: Server, interfaces: int, calls: int) -> None:
    """Resident memory once the servers have answered many calls."""
    documents = [read_call(call, interfaces) for call in CALLS]
    for server in (hook, nothing):
        for index in range(calls):
            server.define(*documents[index % len(documents)])
    ours, theirs = read_memory(hook.pid), read_memory(nothing.pid)
    print(
        f" memory after {calls} calls: portside {ours.resident:.1f} MB "
        f"({ours.anonymous:.1f} anonymous), do-nothing {theirs.resident:.1f} MB "
        f"({theirs.anonymous:.1f} anonymous)"
    )
    judge("resident, ratio", ours.resident / theirs.resident, MEMORY_RATIO)
    judge("anonymous: what its container is charged with", ours.anonymous, MEMORY_MB, "MB")


def read_call(call: Path, interfaces: int) -> tuple[bytes, bytes]:
    """Return domain and VMI of a recorded call, the VMI asking for interfaces."""
    vmi = call.with_name(call.name.replace("-to-hook.xml", "-vmi.json"))
    document: dict[str, Any] = json.loads(vmi.read_bytes())
    document["metadata"]["annotations"]["portside.io/interfaces"] = str(interfaces)
    return call.read_bytes(), json.dumps(document).encode()


if __name__ == "__main__":
    main()
