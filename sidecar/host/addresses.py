# SPDX-License-Identifier: Apache-2.0
"""Which network interfaces have an IP address: one dump by netlink.

Without a library, for an inventory needs nothing else of one and would wait for its import
longer than for all that it reads. Format: Linux, netlink(7) and rtnetlink(7).
"""

import os
import socket
import struct
from collections.abc import Iterator
from typing import Final

from sidecar.model.vf import UNKNOWN, Unknown

_HEADER: Final = struct.Struct("=IHHII")
"""``struct nlmsghdr``: length, type, flags, sequence number, port."""
_ADDRESS: Final = struct.Struct("=BBBBI")
"""``struct ifaddrmsg``: family, length of the prefix, flags, scope, the interface's number."""
_REQUEST: Final = _HEADER.pack(_HEADER.size + _ADDRESS.size, 22, 0x301, 1, 0) + bytes(_ADDRESS.size)
"""RTM_GETADDR with NLM_F_REQUEST and NLM_F_DUMP, of all families."""
_ERROR: Final = 2
_DONE: Final = 3
_NEW_ADDRESS: Final = 20
_INTERRUPTED: Final = 0x10
"""NLM_F_DUMP_INTR: addresses changed meanwhile, so that one may be left out."""
_BUFFER: Final = 1 << 16
_SECONDS: Final = 5.0
_ATTEMPTS: Final = 5


def interfaces_with_addresses() -> frozenset[str] | Unknown:
    """Return the interfaces of our network namespace that have an IPv4 or IPv6 address.

    A link-local one counts: an interface that is down has none.
    """
    try:
        for _ in range(_ATTEMPTS):
            numbers = _dump()
            if numbers is not UNKNOWN:
                return frozenset(_names(numbers))
    except OSError:
        return UNKNOWN
    return UNKNOWN


def visible_interfaces() -> frozenset[str] | Unknown:
    """Return all interfaces of our network namespace.

    A sysfs may be another one's: that of whoever mounted it.
    """
    try:
        return frozenset(name for _, name in socket.if_nameindex())
    except OSError:
        return UNKNOWN


def _names(numbers: set[int]) -> Iterator[str]:
    for number in numbers:
        try:
            yield socket.if_indextoname(number)
        except OSError:
            continue  # gone meanwhile


def _dump() -> set[int] | Unknown:
    """Return the numbers of the interfaces; ``UNKNOWN`` if the kernel was interrupted."""
    numbers: set[int] = set()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as link:
        link.settimeout(_SECONDS)
        link.send(_REQUEST)
        while True:
            interrupted = False
            for kind, flags, body in _messages(link.recv(_BUFFER)):
                interrupted |= bool(flags & _INTERRUPTED)
                if kind == _NEW_ADDRESS:
                    numbers.add(_ADDRESS.unpack_from(body)[4])
                elif kind == _ERROR:
                    number = -struct.unpack_from("=i", body)[0]
                    raise OSError(number, os.strerror(number))
                elif kind == _DONE:
                    return UNKNOWN if interrupted else numbers
            if interrupted:
                return UNKNOWN


def _messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield type, flags and body of each message; each begins at a multiple of four bytes."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, _, _ = _HEADER.unpack_from(data, at)
        yield kind, flags, data[at + _HEADER.size : at + length]
        at += max(length + 3 & ~3, _HEADER.size)
