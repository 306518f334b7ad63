# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from sidecar.errors import HostError
from sidecar.host.uevents import UeventWatch, is_relevant, open_uevents
from tests.support import missing

LOOPBACK = Path("/sys/class/net/lo/uevent")


def message(action: str, path: str, subsystem: str) -> bytes:
    fields = (f"ACTION={action}", f"DEVPATH={path}", f"SUBSYSTEM={subsystem}", "SEQNUM=7")
    return "\0".join((f"{action}@{path}", *fields, "")).encode()


@pytest.mark.parametrize(
    ("path", "subsystem", "relevant"),
    [
        ("/devices/pci0000:00/0000:00:02.0/0000:01:10.0", "pci", True),
        ("/devices/pci0000:00/0000:00:02.0/0000:01:10.0/net/eth5", "net", True),
        ("/devices/virtual/vfio/17", "vfio", True),
        ("/devices/pci0000:00/0000:01:10.0/vfio-dev/vfio0", "vfio-dev", True),
        ("/devices/virtual/net/veth1", "net", False),
        ("/devices/virtual/block/loop0", "block", False),
    ],
)
def test_what_matters(path: str, subsystem: str, *, relevant: bool) -> None:
    assert is_relevant(message("add", path, subsystem)) is relevant


@pytest.mark.parametrize("rubbish", [b"", b"\0", b"add@/x", b"\0SUBSYSTEM", b"=\0==\0"])
def test_rubbish_does_not_matter(rubbish: bytes) -> None:
    assert not is_relevant(rubbish)


@contextmanager
def watching(calls: list[float]) -> Iterator[None]:
    """Watch the kernel's real events; those of the loopback interface count here."""
    try:
        listener = open_uevents()
    except HostError as error:
        missing(str(error))
    watch = UeventWatch(
        listener, lambda: calls.append(time.monotonic()), lambda one: b"INTERFACE=lo\0" in one
    )
    thread = Thread(target=watch.run)
    thread.start()
    try:
        yield
    finally:
        watch.stop()
        thread.join(10)
        assert not thread.is_alive()
        watch.close()


def cause_event() -> None:
    try:
        LOOPBACK.write_text("change")
    except OSError as error:
        missing(f"the kernel makes no event for us: {error}")


def test_a_burst_of_the_kernels_events_is_told_once() -> None:
    calls: list[float] = []
    with watching(calls):
        for _ in range(20):
            cause_event()
            time.sleep(0.01)
        time.sleep(1.0)
        assert len(calls) == 1
        cause_event()
        time.sleep(1.0)
        assert len(calls) == 2


def test_events_of_other_processes_do_not_count() -> None:
    calls: list[float] = []
    with watching(calls):
        sender = open_uevents()
        try:
            sender.sendto(message("add", "/x", "net") + b"INTERFACE=lo\0", (0, 1))
        except PermissionError:
            missing("only root sends to the group")
        finally:
            sender.close()
        time.sleep(1.0)
    assert calls == []


def test_it_listens_without_privileges() -> None:
    if os.geteuid() != 0:
        missing("only root can become somebody else")
    program = (
        "import os; from sidecar.host.uevents import open_uevents; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); open_uevents()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own interpreter
