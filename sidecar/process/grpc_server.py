# SPDX-License-Identifier: Apache-2.0
"""A gRPC server on unix sockets, whatever it serves.

gRPC's event loop runs in a thread of its own and waits for many calls at once, so that
those which send nothing cost memory only, and that is bounded; what a call asks is worked
on in other threads.
"""

import asyncio
import concurrent.futures
import os
import string
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

import grpc.aio

from sidecar.errors import HostError
from sidecar.process.grpc_gate import Gate
from sidecar.process.grpc_handling import Handling
from sidecar.process.grpc_limits import CHANNEL, Limits
from sidecar.process.grpc_methods import Methods, Note
from sidecar.process.message_sizes import MAX_RECEIVED

_URI_SAFE = frozenset((string.ascii_letters + string.digits + "/._-~").encode())
_LEEWAY = 0.2
"""Seconds that the end of a server may take beside what running calls get."""


class GrpcServer:
    """Serves until ``stop``.

    Args:
        methods: what is served.
        limits: what callers may take.
        note: writes a log line about the server itself; must not block.
    """

    def __init__(self, methods: Methods, limits: Limits, note: Note) -> None:
        self._methods = methods
        self._limits = limits
        self._note = note
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="grpc", daemon=True)
        self._server: grpc.aio.Server | None = None
        self._gate: Gate | None = None
        self._handling: Handling | None = None

    def start(self, paths: Sequence[Path]) -> None:
        """Bind every path and serve.

        Raises:
            HostError: gRPC cannot bind a path.
        """
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(paths), self._loop).result()

    def stop(self) -> bool:
        """Let running calls end, for a moment; say whether all of them did."""
        ending = asyncio.run_coroutine_threadsafe(self._stop(), self._loop)
        try:
            drained = ending.result(2 * (self._limits.grace + _LEEWAY))
        except concurrent.futures.TimeoutError:
            return False
        if drained:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_LEEWAY)
            if not self._thread.is_alive():
                self._loop.close()
        return drained

    async def _start(self, paths: Sequence[Path]) -> None:
        private = paths[0].with_name(f"{paths[0].name}g")
        self._gate = Gate(private)
        self._handling = Handling(self._limits, self._gate, self._note)
        options = (("grpc.max_receive_message_length", MAX_RECEIVED), *CHANNEL)
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers(self._handling.handlers(self._methods))
        try:
            self._server.add_insecure_port(_target(private))
            await self._server.start()
            for path in paths:
                self._gate.bind(path)
            self._gate.open()
        except (RuntimeError, OSError) as error:
            raise HostError(
                "cannot bind the socket", where=str(paths[0]), found=str(error)
            ) from error
        self._handling.tell()

    async def _stop(self) -> bool:
        if self._server is None or self._gate is None or self._handling is None:
            return True
        await self._server.stop(self._limits.grace)
        drained = await self._handling.drain(self._limits.grace)
        await self._gate.close(_LEEWAY)
        return drained


def _target(path: Path) -> str:
    """Return gRPC's name of a unix socket: a URI, so what is special in one is escaped."""
    text = "".join(chr(byte) if byte in _URI_SAFE else f"%{byte:02X}" for byte in os.fsencode(path))
    return f"unix:{text}"
