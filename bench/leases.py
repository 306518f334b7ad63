# SPDX-License-Identifier: Apache-2.0
"""A lease taken and given back, on this machine's disk, against bare durable writes."""

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import describe_machine, judge, median, read_memory
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.state.store import Store

MILLISECONDS = 5.0
WRITES = 4
"""What a cycle writes: the intents to take and to return, and that each was done."""
CYCLES = 10_000
MEGABYTES = 1.0
_REPEATS = 300
_VFS = 8
_PF = PciAddress.parse("0000:01:00.0")
_HOLDER = Holder(HolderKind.VMI, "bench/vm", "1")
_TMPFS = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in there


def main() -> None:
    """Measure and print: speed on the disk that holds the work folder, memory on a tmpfs."""
    print(f"leases: {describe_machine()}")
    with TemporaryDirectory(prefix="portside-", dir=Path.cwd()) as folder:
        store, bare = Store(Path(folder) / "state"), Path(folder) / "bare"
        bare.mkdir()
        _cycle(store, 0)
        # By turns, so that what else the disk does meets both alike.
        taken = [(_time(store), _time_bare(bare)) for _ in range(_REPEATS)]
    leases, writes = (sorted(kind) for kind in zip(*taken, strict=True))
    judge("lease and release, median", median(leases), MILLISECONDS, "ms")
    ratio = median(leases) / median(writes)
    print(f"  {WRITES} bare durable writes {median(writes):.2f} ms, ratio {ratio:.2f}")
    print(f"  {_REPEATS} runs, {leases[0]:.2f} to {leases[-1]:.2f} ms")
    with TemporaryDirectory(prefix="portside-", dir=_TMPFS) as folder:
        judge(f"memory grown over {CYCLES} cycles", _grow(Store(Path(folder))), MEGABYTES, "MB")


def _cycle(store: Store, index: int) -> None:
    now = datetime.now(UTC)
    with store.lock(_PF) as held:
        lease = held.confirm(held.take(index, _HOLDER, VfSettings(), "pool", now), now)
    with store.lock(_PF) as held:
        held.finish_return(held.begin_return(lease, lease.generation, now), now)


def _time(store: Store) -> float:
    begun = time.perf_counter()
    _cycle(store, 0)
    return (time.perf_counter() - begun) * 1000


def _time_bare(folder: Path) -> float:
    """Return the milliseconds of as many bare writes: file, fsync, rename, fsync."""
    begun = time.perf_counter()
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(WRITES):
        file = os.open("new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, dir_fd=directory)
        os.write(file, b"x" * 400)
        os.fsync(file)
        os.close(file)
        os.rename("new", "old", src_dir_fd=directory, dst_dir_fd=directory)
        os.fsync(directory)
    os.close(directory)
    return (time.perf_counter() - begun) * 1000


def _grow(store: Store) -> float:
    """Return by how many MB the process grows, once each VF has had its first lease."""
    for number in range(CYCLES // 10):
        _cycle(store, number % _VFS)
    before = read_memory(os.getpid()).resident
    for number in range(CYCLES):
        _cycle(store, number % _VFS)
    leased = sum(lease.generation for lease in store.all_leases())
    if leased != CYCLES + CYCLES // 10:
        sys.exit(f"{leased} leases on record")
    return read_memory(os.getpid()).resident - before


if __name__ == "__main__":
    main()
