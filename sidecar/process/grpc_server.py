# SPDX-License-Identifier: Apache-2.0
"""A gRPC server on unix sockets, whatever it serves."""

import os
import string
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import grpc

from sidecar.errors import HostError
from sidecar.process.message_sizes import MAX_RECEIVED

_URI_SAFE = frozenset((string.ascii_letters + string.digits + "/._-~").encode())


class GrpcServer:
    """Serves until ``stop``.

    Args:
        register: adds the services.
        threads: how many calls are answered at once.
        grace: seconds that a running call gets to end.
    """

    def __init__(
        self, register: Callable[[grpc.Server], None], *, threads: int, grace: float
    ) -> None:
        self._grace = grace
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="call")
        self._server = grpc.server(
            self._pool,
            options=(
                ("grpc.max_receive_message_length", MAX_RECEIVED),
                ("grpc.so_reuseport", 0),
                # Measures the bandwidth of a network, with frames of its own; here is none.
                ("grpc.http2.bdp_probe", 0),
            ),
        )
        register(self._server)

    def start(self, paths: Sequence[Path]) -> None:
        """Bind every path and serve.

        Raises:
            HostError: gRPC cannot bind a path.
        """
        for path in paths:
            try:
                self._server.add_insecure_port(_target(path))
            except RuntimeError as error:
                raise HostError(
                    "cannot bind the socket", where=str(path), found=str(error)
                ) from error
        self._server.start()

    def stop(self) -> bool:
        """Let running calls end, for a moment; say whether all of them did."""
        self._server.stop(self._grace).wait()
        # The interpreter joins the pool's threads at its end, however long a call takes.
        ending = Thread(target=self._pool.shutdown, daemon=True)
        ending.start()
        ending.join(self._grace)
        return not ending.is_alive()


def _target(path: Path) -> str:
    """Return gRPC's name of a unix socket: a URI, so what is special in one is escaped."""
    text = "".join(chr(byte) if byte in _URI_SAFE else f"%{byte:02X}" for byte in os.fsencode(path))
    return f"unix:{text}"
