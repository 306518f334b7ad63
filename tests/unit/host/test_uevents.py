# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from sidecar.errors import HostError
from sidecar.host.uevents import QUIET_SECONDS, UeventWatch, is_relevant, open_uevents
from tests.support import missing

LOOPBACK = Path("/sys/class/net/lo/uevent")
LIMIT_SECONDS = 10.0


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


class Watched:
    """What a watch has seen of the loopback interface, and when it called."""

    def __init__(self) -> None:
        self.seen = 0
        """Events that count."""
        self.calls: Queue[int] = Queue()
        """``seen`` at each call."""

    def relevant(self, event: bytes) -> bool:
        ours = b"INTERFACE=lo\0" in event
        self.seen += ours
        return ours

    def changed(self) -> None:
        self.calls.put(self.seen)

    def cause_event(self) -> None:
        """Have the kernel make an event, and wait until the watch has seen it."""
        before = self.seen
        try:
            LOOPBACK.write_text("change")
        except OSError as error:
            missing(f"the kernel makes no event for us: {error}")
        deadline = time.monotonic() + LIMIT_SECONDS
        while self.seen == before:
            assert time.monotonic() < deadline, "the event was not seen"
            time.sleep(0.001)


@contextmanager
def watching() -> Iterator[Watched]:
    """Watch the kernel's real events; those of the loopback interface count here."""
    try:
        listener = open_uevents()
    except HostError as error:
        missing(str(error))
    watched = Watched()
    watch = UeventWatch(listener, watched.changed, watched.relevant)
    thread = Thread(target=watch.run)
    thread.start()
    try:
        yield watched
    finally:
        watch.stop()
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()
        watch.close()


def longest_gap_of_burst(watched: Watched, count: int) -> float:
    """Cause so many events; return the longest seconds between two of them."""
    times = [time.monotonic()]
    for _ in range(count):
        watched.cause_event()
        times.append(time.monotonic())
    return max(later - earlier for earlier, later in pairwise(times))


def test_a_burst_of_the_kernels_events_is_told_once() -> None:
    for _ in range(5):
        with watching() as watched:
            gap = longest_gap_of_burst(watched, 20)
            first = watched.calls.get(timeout=LIMIT_SECONDS)
            watched.cause_event()
            second = watched.calls.get(timeout=LIMIT_SECONDS)
        # On a busy machine a pause within the burst may be as long as one behind it.
        if gap < QUIET_SECONDS / 2:
            assert (first, second, watched.calls.empty()) == (20, 21, True)
            return
    pytest.fail("this machine makes no burst of 20 events without a pause")


def test_events_of_other_processes_do_not_count() -> None:
    with watching() as watched:
        sender = open_uevents()
        try:
            sender.sendto(message("add", "/x", "net") + b"INTERFACE=lo\0", (0, 1))
        except PermissionError:
            missing("only root sends to the group")
        finally:
            sender.close()
        # The kernel's own comes behind it, and is the only one.
        watched.cause_event()
        assert watched.calls.get(timeout=LIMIT_SECONDS) == 1
    assert watched.calls.empty()


def test_it_listens_without_privileges() -> None:
    if os.geteuid() != 0:
        missing("only root can become somebody else")
    program = (
        "import os; from sidecar.host.uevents import open_uevents; "
        "os.setgroups([]); os.setgid(65534); os.setuid(65534); open_uevents()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own interpreter
