# SPDX-License-Identifier: Apache-2.0
"""Whatever is open: ``Info`` and an ordinary call are answered, and SIGTERM ends the process."""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from tests.wire.attacks import ATTACKS, DEFINE, MIB, attacking, not_taking, with_metadata
from tests.wire.hookprocess import (
    PORTSIDE_HOOK,
    ROOT,
    HookProcess,
    call_info,
    define_v1alpha3,
    dial,
    wait_until,
)
from tests.wire.recordings import CALLS, asking, domain_of, vmi_of

DOMAIN, VMI = domain_of(CALLS[0]), asking(vmi_of(CALLS[0]), interfaces=8)
CONNECTIONS = 600
IN_TIME = 5.0
"""An ordinary call: virt-handler waits 20 s."""
END = 2.0
MEMORY = 60_000_000
"""Of a process's own memory; the container has 64 MB."""


def anonymous_peak(pid: int) -> int:
    """Return the most memory of its own that a process had, in bytes: files are not counted."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {
        name: int(rest.split()[0])
        for name, rest in (line.split(":", 1) for line in lines)
        if name in {"VmHWM", "RssFile"}
    }
    return (sizes["VmHWM"] - sizes["RssFile"]) * 1024


def assert_serving(hook: HookProcess) -> None:
    assert call_info(hook.path).name == "portside"
    started = time.monotonic()
    assert define_v1alpha3(hook.path, DOMAIN, VMI) != DOMAIN
    assert time.monotonic() - started < IN_TIME
    assert hook.process.poll() is None


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("number", [4, CONNECTIONS])
def test_whatever_is_open_calls_are_answered_and_sigterm_ends_it(
    hook: HookProcess, attack: str, number: int
) -> None:
    hook.wait_for_line("serving")
    with attacking(hook.path, ATTACKS[attack], number):
        for _ in range(3):
            assert_serving(hook)
        assert anonymous_peak(hook.process.pid) < MEMORY
        started = time.monotonic()
        hook.process.terminate()
        assert hook.end(10) == 0
        assert time.monotonic() - started < END
        assert hook.wait_for_line("stopped")["reason"] == "SIGTERM"


def test_answers_that_nobody_takes_keep_nobody_waiting(hook: HookProcess) -> None:
    with attacking(hook.path, not_taking, 6):
        for _ in range(3):
            assert_serving(hook)
    assert anonymous_peak(hook.process.pid) < MEMORY


def test_who_is_cut_off_is_counted(hook: HookProcess) -> None:
    with attacking(hook.path, ATTACKS["silent"], 300):
        assert_serving(hook)
        line = hook.wait_for_line("callers disconnected")
    assert isinstance(line["connections_closed"], int)
    assert line["connections_closed"] > 100


@pytest.mark.parametrize("size", [2 * MIB, 4 * MIB - 100_000], ids=["2MiB", "4MiB"])
def test_large_calls_at_once_are_answered_one_after_the_other(hook: HookProcess, size: int) -> None:
    domain = with_metadata(DOMAIN, size)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: define_v1alpha3(hook.path, domain, VMI), range(4)))
    assert len({*answers}) == 1
    assert len(answers[0]) > size
    assert_serving(hook)
    assert anonymous_peak(hook.process.pid) < MEMORY


@pytest.mark.parametrize("item", [b"[],", b"{},", b"0,", b'{"a":[]},'])
@pytest.mark.parametrize("level", ["info", "debug"])
def test_a_vmi_of_many_values_is_refused_within_bounds(
    socket_dir: Path, item: bytes, level: str
) -> None:
    filling = item * ((4 * MIB - len(DOMAIN) - len(VMI) - 100) // len(item))
    vmi = VMI[:-1] + b', "z": [' + filling[:-1] + b"]}"
    with HookProcess(socket_dir, "--log-level", level) as hook:
        path = hook.wait_for_socket().path
        with pytest.raises(grpc.RpcError) as caught:
            define_v1alpha3(path, DOMAIN, vmi)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert hook.wait_for_line("v1alpha3 OnDefineDomain")["outcome"] == "refused"
        assert_serving(hook)
        assert anonymous_peak(hook.process.pid) < MEMORY


def test_calls_that_nobody_can_read_leave_nothing_behind(hook: HookProcess) -> None:
    def call_badly(times: int) -> int:
        for _ in range(times):
            with dial(hook.path) as channel:
                call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(DEFINE)
                with pytest.raises(grpc.RpcError):
                    call(b"\xff\xff\xff", timeout=10)
        status = Path(f"/proc/{hook.process.pid}/status").read_text()
        return int(status.partition("RssAnon:")[2].split()[0]) * 1024

    warm = call_badly(300)
    # grpcio kept 20 kB of each.
    assert call_badly(700) - warm < 700 * 3_000


class Unread:
    """A hook whose standard error is a pipe that nobody reads, until ``read``."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        reading, writing = os.pipe()
        self.path = directory / "portside-x.sock"
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            [*PORTSIDE_HOOK, "--socket-dir", str(directory), *arguments],
            cwd=ROOT,
            stderr=writing,
            env={**os.environ, "CONTAINER_NAME": "x"},
        )
        os.close(writing)
        self._reading = os.fdopen(reading, "rb", buffering=0)

    def read(self) -> bytes:
        os.set_blocking(self._reading.fileno(), False)
        text = b""
        while data := self._reading.read(MIB):
            text += data
            time.sleep(0.05)
        return text

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.close()


@pytest.fixture
def unread(socket_dir: Path) -> Iterator[Callable[..., Unread]]:
    started: list[Unread] = []

    def start(*arguments: str) -> Unread:
        started.append(Unread(socket_dir, *arguments))
        wait_until(started[-1].path.exists)
        return started[-1]

    yield start
    for one in started:
        one.close()


def test_a_log_that_nobody_reads_holds_no_call_back_and_counts_what_it_drops(
    unread: Callable[..., Unread],
) -> None:
    hook = unread("--log-level", "debug")
    calls = 500
    domain = with_metadata(DOMAIN, 20_000)
    for _ in range(calls):
        define_v1alpha3(hook.path, domain, VMI)
    assert call_info(hook.path).name == "portside"
    text = hook.read()
    define_v1alpha3(hook.path, DOMAIN, VMI)
    wait_until(lambda: hook.process.poll() is None, 5)
    time.sleep(0.3)
    text += hook.read()
    assert text.endswith(b"\n")
    lines = [json.loads(line) for line in text.splitlines()]
    dropped = sum(line["dropped"] for line in lines if "dropped" in line)
    events = [line["event"] for line in lines]
    assert dropped > 0
    written = len([event for event in events if event.startswith("v1alpha3 OnDefineDomain")])
    infos = events.count("Info") + events.count("serving")
    assert written + infos + dropped == 2 * (calls + 1) + 2


def test_sigterm_ends_a_hook_whose_log_nobody_reads(unread: Callable[..., Unread]) -> None:
    hook = unread("--log-level", "debug")
    domain = with_metadata(DOMAIN, 100_000)
    for _ in range(10):
        define_v1alpha3(hook.path, domain, VMI)
    started = time.monotonic()
    hook.process.terminate()
    assert hook.process.wait(10) == 0
    assert time.monotonic() - started < END


def test_sigterm_ends_a_hook_whose_source_does_not_open(socket_dir: Path) -> None:
    command = (sys.executable, "-m", "tests.wire.troubled_hook", "hanging")
    with HookProcess(socket_dir, command=command) as hook:
        hook.wait_for_socket()
        hook.wait_for_line("hanging")
        started = time.monotonic()
        hook.process.terminate()
        assert hook.end(10) == 0
        assert time.monotonic() - started < END
    assert list(socket_dir.iterdir()) == []
