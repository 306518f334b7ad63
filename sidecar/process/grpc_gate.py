# SPDX-License-Identifier: Apache-2.0
"""Lets a bounded number of connections through to gRPC, the newest ones.

gRPC takes whatever comes, at 15 kB to 60 kB each, or refuses the newest. Here a connection
costs a descriptor, of too many the oldest go, and whoever comes next is served. gRPC listens
on a socket without a name, so that nobody gets around this.

Everything here runs in the event loop's thread.
"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

from sidecar.process.grpc_limits import MAX_CONNECTIONS, MAX_UPSTREAM

_CHUNK = 64 * 1024
"""Bytes moved at once, and most that wait for one side of a connection."""
_BATCH = 1024
"""Connections accepted before anything else has its turn."""
_BACKLOG = 4096


class Gate:
    """The public sockets of a server, and all connections.

    Args:
        private: where gRPC listens; its name is removed by ``open``.
    """

    def __init__(self, private: Path) -> None:
        self.closed = 0
        """Connections closed because there were too many, or they were too slow."""
        self._loop = asyncio.get_running_loop()
        self._private = private
        self._place = -1
        self._listeners: list[socket.socket] = []
        self._relays: dict[Relay, None] = {}
        self._speaking: dict[Relay, None] = {}
        self._upstream: set[socket.socket] = set()

    def bind(self, path: Path) -> None:
        """Make the public socket at ``path``.

        Raises:
            OSError: it cannot be made.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listeners.append(listener)
        listener.bind(os.fspath(path))

    def open(self) -> None:
        """Accept from now on; gRPC listens already."""
        self._place = os.open(self._private, os.O_PATH)
        self._private.unlink()
        for listener in self._listeners:
            listener.settimeout(0)
            listener.listen(_BACKLOG)
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def close_older(self, than: float) -> None:
        """Close the connections that came before ``than``, in the loop's time."""
        for relay in [relay for relay in self._relays if relay.since < than]:
            self._drop(relay)

    async def close(self, seconds: float) -> None:
        """Accept no more, and let what gRPC has written out, for a moment."""
        loop = self._loop
        for listener in self._listeners:
            loop.remove_reader(listener.fileno())
            listener.close()
        end = loop.time() + seconds
        while loop.time() < end and any(relay.connected for relay in self._relays):  # noqa: ASYNC110 - once in a server's life
            await asyncio.sleep(0.005)
        for relay in list(self._relays):
            relay.end()
        for upstream in list(self._upstream):
            self._released(upstream)
        if self._place >= 0:
            os.close(self._place)

    def admit(self, relay: "Relay") -> None:
        """Connect a relay to gRPC, now or once gRPC has let go of others."""
        self._speaking[relay] = None
        self._connect_newest()

    def release(self, upstream: socket.socket) -> None:
        """Close a connection to gRPC, which counts until gRPC has closed it, too."""
        try:
            upstream.shutdown(socket.SHUT_WR)
        except OSError:
            self._released(upstream)
        else:
            self._loop.add_reader(upstream.fileno(), self._discard, upstream)

    def _discard(self, upstream: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                data = upstream.recv(_CHUNK)
            except ConnectionError:
                data = b""
            if not data:
                self._released(upstream)

    def _released(self, upstream: socket.socket) -> None:
        self._loop.remove_reader(upstream.fileno())
        upstream.close()
        self._upstream.discard(upstream)
        self._connect_newest()

    def _connect_newest(self) -> None:
        while self._speaking and len(self._upstream) < MAX_UPSTREAM:
            relay, _ = self._speaking.popitem()
            upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            try:
                # By the descriptor of the socket's inode: its name is gone.
                upstream.connect(f"/proc/self/fd/{self._place}")
            except OSError:
                upstream.close()
                relay.end()
                continue
            self._upstream.add(upstream)
            relay.go(upstream)

    def _accept(self, listener: socket.socket) -> None:
        accepted: list[socket.socket] = []
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            while len(accepted) < _BATCH:
                client, _ = listener.accept()
                accepted.append(client)
                if len(accepted) > MAX_CONNECTIONS:
                    accepted.pop(0).close()
                    self.closed += 1
        for _ in range(len(self._relays) + len(accepted) - MAX_CONNECTIONS):
            self._drop(next(iter(self._relays)))
        for client in accepted:
            relay = Relay(client, self)
            self._relays[relay] = None
            relay.begin()

    def _drop(self, relay: "Relay") -> None:
        self.closed += 1
        relay.end()

    def forget(self, relay: "Relay") -> None:
        """Take an ended relay off the list."""
        self._relays.pop(relay, None)
        self._speaking.pop(relay, None)


class Relay:
    """One connection: what the client sends goes to gRPC, and back.

    gRPC hears of it once the client has said something.
    """

    __slots__ = ("_client", "_gate", "_loop", "_upstream", "since")

    def __init__(self, client: socket.socket, gate: Gate) -> None:
        self._client = client
        self._upstream: socket.socket | None = None
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self.since = self._loop.time()

    @property
    def connected(self) -> bool:
        """Whether gRPC has heard of it."""
        return self._upstream is not None

    def begin(self) -> None:
        """Wait for what the client says."""
        self._client.settimeout(0)
        self._loop.add_reader(self._client.fileno(), self._begin)

    def end(self) -> None:
        """Close both sides."""
        self._gate.forget(self)
        if self._client.fileno() < 0:
            return
        self._stop_watching(self._client)
        self._client.close()
        if self._upstream is not None:
            self._stop_watching(self._upstream)
            self._gate.release(self._upstream)
            self._upstream = None

    def go(self, upstream: socket.socket) -> None:
        """Move what both sides say, from now on."""
        self._upstream = upstream
        self._loop.add_reader(self._client.fileno(), self._move, self._client, upstream)
        self._loop.add_reader(upstream.fileno(), self._move, upstream, self._client)
        self._move(self._client, upstream)

    def _begin(self) -> None:
        self._loop.remove_reader(self._client.fileno())
        self._gate.admit(self)

    def _stop_watching(self, side: socket.socket) -> None:
        self._loop.remove_reader(side.fileno())
        self._loop.remove_writer(side.fileno())

    def _move(self, source: socket.socket, target: socket.socket) -> None:
        try:
            data = source.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.end()
            return
        left = self._send(target, data)
        if left:
            # Read no more until that is taken.
            self._loop.remove_reader(source.fileno())
            self._loop.add_writer(target.fileno(), self._go_on, source, target, left)

    def _go_on(self, source: socket.socket, target: socket.socket, data: bytes) -> None:
        left = self._send(target, data)
        if left is None:
            return
        if left:
            self._loop.add_writer(target.fileno(), self._go_on, source, target, left)
        else:
            self._loop.remove_writer(target.fileno())
            self._loop.add_reader(source.fileno(), self._move, source, target)

    def _send(self, target: socket.socket, data: bytes) -> bytes | None:
        """Return what is left, or nothing if the connection has ended."""
        try:
            return data[target.send(data) :]
        except BlockingIOError:
            return data
        except OSError:
            self.end()
            return None
