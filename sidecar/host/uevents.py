# SPDX-License-Identifier: Apache-2.0
"""Listens to the kernel's events about devices, and says no more than that something changed.

Kernel: ``lib/kobject_uevent.c``: messages on the netlink family KOBJECT_UEVENT, multicast
group 1, ``ACTION@DEVPATH`` and then ``KEY=VALUE`` texts, each ended by NUL. Whoever may open
a socket may listen.
"""

import errno
import os
import select
import socket
import time
from collections.abc import Callable
from typing import Final

from sidecar.errors import HostError

SUBSYSTEMS: Final = frozenset({b"pci", b"net", b"vfio", b"vfio-dev"})
"""Those in which VFs come, go and change hands."""
_PROTOCOL: Final = 15
"""NETLINK_KOBJECT_UEVENT of linux/netlink.h; Python has no name for it."""
_GROUP: Final = 1
"""The kernel's own group; 2 is udev's."""
_KERNEL: Final = 0
"""The sender's port that only the kernel has."""
_LARGEST: Final = 8192
"""Bytes: UEVENT_BUFFER_SIZE is 2048, and the path in front of it as long again at most."""
QUIET_SECONDS: Final = 0.3
"""How long nothing may come before a burst counts as over: seven VFs make 60 events."""
LONGEST_SECONDS: Final = 3.0
"""After this a burst that does not end is told all the same."""


def open_uevents() -> socket.socket:
    """Return a socket that gets every event from now on.

    Raises:
        HostError: the kernel does not let us listen.
    """
    kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    try:
        listener = socket.socket(socket.AF_NETLINK, kind, _PROTOCOL)
    except OSError as error:
        raise _deaf(error) from error
    try:
        listener.bind((0, _GROUP))
    except OSError as error:
        listener.close()
        raise _deaf(error) from error
    return listener


def is_relevant(message: bytes) -> bool:
    """Tell whether an event is of a subsystem where VFs are.

    Interfaces that belong to no device are left out: each pod that comes or goes makes some.
    """
    fields = dict(field.partition(b"=")[::2] for field in message.split(b"\0")[1:])
    if fields.get(b"SUBSYSTEM") not in SUBSYSTEMS:
        return False
    return not fields.get(b"DEVPATH", b"").startswith(b"/devices/virtual/net/")


class UeventWatch:
    """Calls ``changed`` once for each burst of events.

    Args:
        listener: see ``open_uevents``.
        changed: called in the thread of ``run``.
        relevant: picks the events that count.
    """

    def __init__(
        self,
        listener: socket.socket,
        changed: Callable[[], None],
        relevant: Callable[[bytes], bool] = is_relevant,
    ) -> None:
        self._listener = listener
        self._changed = changed
        self._relevant = relevant
        self._reading, self._writing = os.pipe()

    def run(self) -> None:
        """Listen until ``stop``."""
        while self._reading not in self._select(None):
            if self._read_all() and self._sit_out():
                self._changed()

    def stop(self) -> None:
        """End ``run`` from any thread."""
        os.write(self._writing, b"\0")

    def close(self) -> None:
        """Free what it holds, once ``run`` has ended."""
        self._listener.close()
        os.close(self._reading)
        os.close(self._writing)

    def _sit_out(self) -> bool:
        """Wait for the burst to end; say whether to go on after it."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            ready = self._select(min(QUIET_SECONDS, left))
            if self._reading in ready:
                return False
            if not ready:
                break
            self._read_all()
        return True

    def _select(self, seconds: float | None) -> list[int]:
        """Wait for an event or for ``stop``; return the descriptors that have something."""
        return select.select([self._listener.fileno(), self._reading], [], [], seconds)[0]

    def _read_all(self) -> bool:
        """Read what is there; say whether any of it matters."""
        relevant = False
        while True:
            try:
                message, (sender, _) = self._listener.recvfrom(_LARGEST)
            except BlockingIOError:
                return relevant
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                relevant = True  # some were lost, and nobody knows which
            else:
                relevant = relevant or (sender == _KERNEL and self._relevant(message))


def _deaf(error: OSError) -> HostError:
    code = errno.errorcode.get(error.errno or 0, "no errno")
    return HostError(
        "cannot subscribe to kernel uevents",
        where="netlink, KOBJECT_UEVENT",
        found=f"{error.strerror} ({code})",
        todo="Pools are polled every --interval seconds only",
    )
