# SPDX-License-Identifier: Apache-2.0
"""Closes connections that are too many or too old.

gRPC accepts as many as come, and can refuse the newest at most; here the oldest go, so that
whoever comes next is served. gRPC tells no call's connection, so they are found among the
process's open files; it takes one that is shut down here for one that its caller closed.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from sidecar.hooks.limits import MAX_CONNECTIONS

_DESCRIPTORS = "/proc/self/fd"
_PREFIX = "socket:["


class Connections:
    """The accepted connections of some sockets.

    Args:
        paths: where the sockets were bound.
    """

    def __init__(self, paths: frozenset[Path]) -> None:
        self._names = {os.fspath(path) for path in paths}
        self._first_seen: dict[str, float] = {}

    def close_surplus(self, now: float) -> int:
        """Close the oldest above ``MAX_CONNECTIONS``; return how many.

        Args:
            now: seconds of a monotonic clock.
        """
        seen = self._look(now)
        if len(seen) <= MAX_CONNECTIONS:
            return 0
        by_age = sorted(seen, key=lambda link: (self._first_seen[link], seen[link]))
        return self._close(seen, by_age[: len(seen) - MAX_CONNECTIONS])

    def close_older(self, than: float, now: float) -> int:
        """Close those that are here since before ``than``; return how many."""
        seen = self._look(now)
        return self._close(seen, [link for link in seen if self._first_seen[link] < than])

    def _look(self, now: float) -> dict[str, int]:
        """Return all sockets as ``socket:[inode]`` and descriptor, and remember since when."""
        seen: dict[str, int] = {}
        for entry in os.listdir(_DESCRIPTORS):  # noqa: PTH208 - in every second of a VM's life
            with contextlib.suppress(OSError):
                link = os.readlink(f"{_DESCRIPTORS}/{entry}")
                if link.startswith(_PREFIX):
                    seen[link] = int(entry)
        known = self._first_seen
        self._first_seen = {link: known.get(link, now) for link in seen}
        return seen

    def _close(self, seen: dict[str, int], links: list[str]) -> int:
        return sum(self._shut_down(seen[link]) for link in links)

    def _shut_down(self, descriptor: int) -> bool:
        with contextlib.suppress(OSError), _duplicate(descriptor) as connection:
            if self._is_ours(connection):
                connection.shutdown(socket.SHUT_RDWR)
                return True
        return False

    def _is_ours(self, connection: socket.socket) -> bool:
        """Whether it was accepted: connected, and under the name that its listener was bound to."""
        return (
            connection.family is socket.AF_UNIX
            and connection.getsockname() in self._names
            and not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        )


@contextlib.contextmanager
def _duplicate(descriptor: int) -> Iterator[socket.socket]:
    """Hold an open file whatever becomes of its number: gRPC may close it at any time."""
    with socket.socket(fileno=os.dup(descriptor)) as held:
        yield held
