# SPDX-License-Identifier: Apache-2.0
"""The gRPC server: every service, on every socket that was asked for."""

import os
import string
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import grpc

from sidecar.errors import HostError
from sidecar.hooks.callbacks import CallbacksV1Alpha1, CallbacksV1Alpha2, CallbacksV1Alpha3
from sidecar.hooks.calls import Desk
from sidecar.hooks.info import InfoService
from sidecar.hooks.pb import (
    info_pb2_grpc,
    plugins_v1alpha1_pb2_grpc,
    v1alpha1_pb2_grpc,
    v1alpha2_pb2_grpc,
    v1alpha3_pb2_grpc,
)
from sidecar.hooks.plugin import DomainHookService
from sidecar.hooks.sizes import MAX_RECEIVED

THREADS = 4
"""The engine holds Python's lock, so more threads answer no faster. More than one, so that
``Info`` and ``Shutdown`` do not wait behind a call whose source of controllers is slow."""
_GRACE_SECONDS = 0.3
_URI_SAFE = frozenset((string.ascii_letters + string.digits + "/._-~").encode())


class HookServer:
    """Serves the hook's services.

    Args:
        versions: of ``Callbacks``, newest first.
        desk: answers the calls.
        stop: what ``Shutdown`` calls.
    """

    def __init__(self, versions: tuple[str, ...], desk: Desk, stop: Callable[[], None]) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
        self._server = grpc.server(
            self._pool,
            options=(
                ("grpc.max_receive_message_length", MAX_RECEIVED),
                ("grpc.so_reuseport", 0),
                # Measures the bandwidth of a network, with frames of its own; here is none.
                ("grpc.http2.bdp_probe", 0),
            ),
        )
        info_pb2_grpc.add_InfoServicer_to_server(InfoService(versions, desk), self._server)
        if "v1alpha1" in versions:
            v1alpha1_pb2_grpc.add_CallbacksServicer_to_server(CallbacksV1Alpha1(desk), self._server)
        if "v1alpha2" in versions:
            v1alpha2_pb2_grpc.add_CallbacksServicer_to_server(CallbacksV1Alpha2(desk), self._server)
        if "v1alpha3" in versions:
            v1alpha3_pb2_grpc.add_CallbacksServicer_to_server(
                CallbacksV1Alpha3(desk, stop), self._server
            )
        plugins_v1alpha1_pb2_grpc.add_DomainHookServiceServicer_to_server(
            DomainHookService(desk), self._server
        )

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
        self._server.stop(_GRACE_SECONDS).wait()
        # The interpreter joins the pool's threads at its end, however long a call takes.
        ending = Thread(target=self._pool.shutdown, daemon=True)
        ending.start()
        ending.join(_GRACE_SECONDS)
        return not ending.is_alive()


def _target(path: Path) -> str:
    """Return gRPC's name of a unix socket: a URI, so what is special in one is escaped."""
    text = "".join(chr(byte) if byte in _URI_SAFE else f"%{byte:02X}" for byte in os.fsencode(path))
    return f"unix:{text}"
