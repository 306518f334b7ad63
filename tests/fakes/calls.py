# SPDX-License-Identifier: Apache-2.0
"""What the kernel does at a read or write of one of its files, lock by lock.

Linux 6.12: ``drivers/pci/pci-sysfs.c``, ``iov.c``, ``drivers/base/bus.c`` and ``dd.c``.
"""

import errno
import re
from collections.abc import Callable, Generator
from typing import Final

from tests.fakes.bus import Bus, Function
from tests.fakes.fuse import Request

Steps = Generator[None, None, int | bytes]
"""Ends with the text read, the bytes written or a negative errno; yields while it sleeps."""
Refusal = Generator[None, None, int]
"""Ends with an errno, 0 for none; yields while it sleeps."""

_RESCAN: Final = "rescan"
"""The lock that adding and removing functions takes, on whichever bus."""
_PAGE: Final = 4096
_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_MAX: Final = 0xFFFF


class Calls:
    """Reads and writes of files named ``OWNER,FILE``: a function's address, or a driver."""

    def __init__(self, bus: Bus, later: Callable[[float, Callable[[], None]], None]) -> None:
        self._bus = bus
        self._later = later
        self._locks: set[str] = set()

    def steps(self, request: Request) -> Steps:
        """Return what a request does, not yet begun."""
        owner, _, name = request.name.partition(",")
        if request.text is None:
            return (yield from self._read(self._bus.functions.get(owner), name))
        text = request.text.decode(errors="replace").rstrip("\n")
        if name in {"bind", "unbind", "drivers_probe"}:
            refused = yield from self._move(owner, name, self._bus.functions.get(text), request.pid)
        else:
            refused = yield from self._store(
                self._bus.functions.get(owner), name, text, request.pid
            )
        return -refused if refused else len(request.text)

    def _read(self, function: Function | None, name: str) -> Steps:
        if function is None:
            return -errno.ENODEV
        if name == "sriov_drivers_autoprobe":
            return f"{self._bus.autoprobe[function.address]:d}\n".encode()
        yield from self._lock(function.address)
        self._locks.discard(function.address)
        if name == "sriov_numvfs":
            return f"{self._bus.numvfs(function.address)}\n".encode()
        return f"{function.override or '(null)'}\n".encode()

    def _store(self, function: Function | None, name: str, text: str, pid: int) -> Refusal:
        if function is None:
            return errno.ENODEV
        if name == "sriov_drivers_autoprobe":
            if text not in {"0", "1"}:
                return errno.EINVAL
            self._bus.autoprobe[function.address] = text == "1"
            return 0
        if name == "sriov_numvfs":
            return (yield from self._store_number(function, text, pid))
        if len(text) >= _PAGE - 1:
            return errno.EINVAL
        yield from self._lock(function.address)
        function.override = text
        self._locks.discard(function.address)
        return 0

    def _move(self, driver: str, name: str, function: Function | None, pid: int) -> Refusal:
        if function is None:
            return errno.ENODEV
        yield from self._lock(function.address)
        try:
            if name == "unbind":
                if function.driver != driver:
                    return errno.ENODEV
                yield from self._unbind(function, pid)
                return 0
            if name == "bind":
                return self._bus.attach(function, driver)
            # That no driver takes the device is no error of drivers_probe.
            self._bus.attach(function, function.override or function.native)
            return 0
        finally:
            self._locks.discard(function.address)

    def _store_number(self, pf: Function, text: str, pid: int) -> Refusal:
        asked = _parse(text)
        if asked is None:
            return errno.EINVAL
        if asked > self._bus.total(pf):
            return errno.ERANGE
        yield from self._lock(pf.address)
        try:
            present = self._bus.numvfs(pf.address)
            if asked == present:
                return 0
            if not pf.driver or not self._bus.behaviour(pf).configures:
                return errno.ENOENT
            if asked and present:
                return errno.EBUSY
            return (yield from self._configure(pf, asked, pid))
        finally:
            self._locks.discard(pf.address)

    def _configure(self, pf: Function, asked: int, pid: int) -> Refusal:
        if asked == 0:
            yield from self._remove_vfs(pf, pid)
            return 0
        made = self._bus.behaviour(pf).answer(asked, up=self._bus.is_up(pf.address))
        if made < 0:
            return -made
        behaviour = self._bus.behaviour(pf)
        if behaviour.late:
            self._bus.promised[pf.address] = made
            self._later(behaviour.late, lambda: self._keep_promise(pf))
            return 0
        yield from self._lock(_RESCAN)
        for _ in range(made):
            self._bus.add_vf(pf)
        self._locks.discard(_RESCAN)
        self._bus.flaps[pf.address] += 1 if made else 0
        return 0

    def _keep_promise(self, pf: Function) -> None:
        for _ in range(self._bus.promised.pop(pf.address, 0)):
            self._bus.add_vf(pf)
        self._bus.flaps[pf.address] += 1

    def _unbind(self, function: Function, pid: int) -> Generator[None, None, None]:
        if function.physfn:
            yield from self._evict(function, pid)
        elif self._bus.vfs(function.address):
            yield from self._remove_vfs(function, pid)
        self._bus.detach(function)

    def _remove_vfs(self, pf: Function, pid: int) -> Generator[None, None, None]:
        yield from self._lock(_RESCAN)
        try:
            for vf in reversed(self._bus.vfs(pf.address)):
                yield from self._lock(vf.address)
                try:
                    yield from self._evict(vf, pid)
                    self._bus.remove_vf(vf)
                finally:
                    self._locks.discard(vf.address)
            self._bus.flaps[pf.address] += 1
        finally:
            self._locks.discard(_RESCAN)

    def _evict(self, vf: Function, pid: int) -> Generator[None, None, None]:
        """Take a VF from its user; a guest is asked, and asked, until it lets go."""
        self._bus.note(vf, pid)
        while vf.holder and vf.driver == "vfio-pci" and not vf.lets_go:
            yield
        vf.holder = ""

    def _lock(self, name: str) -> Generator[None, None, None]:
        while name in self._locks:
            yield
        self._locks.add(name)


def _parse(text: str) -> int | None:
    """Read a number as ``kstrtou16`` with base 0 does, ``None`` for its errors."""
    if _NUMBER.fullmatch(text) is None:
        return None
    octal = text.startswith("0") and text.isdecimal()
    try:
        number = int(text, 8 if octal else 0)
    except ValueError:
        return None
    return number if number <= _MAX else None
