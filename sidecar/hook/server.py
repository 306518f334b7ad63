# SPDX-License-Identifier: Apache-2.0
"""The hook's gRPC server: every service, on every socket that was asked for."""

from collections.abc import Callable

import grpc

from sidecar.hook.callbacks import CallbacksV1Alpha1, CallbacksV1Alpha2, CallbacksV1Alpha3
from sidecar.hook.calls import Desk
from sidecar.hook.info import InfoService
from sidecar.hook.plugin import DomainHookService
from sidecar.pb import (
    info_pb2_grpc,
    plugins_v1alpha1_pb2_grpc,
    v1alpha1_pb2_grpc,
    v1alpha2_pb2_grpc,
    v1alpha3_pb2_grpc,
)
from sidecar.process.grpc_server import GrpcServer

THREADS = 4
"""The engine holds Python's lock, so more threads answer no faster. More than one, so that
``Info`` and ``Shutdown`` do not wait behind a call whose source of controllers is slow."""
_GRACE_SECONDS = 0.3


class HookServer(GrpcServer):
    """Serves the hook's services.

    Args:
        versions: of ``Callbacks``, newest first.
        desk: answers the calls.
        stop: what ``Shutdown`` calls.
    """

    def __init__(self, versions: tuple[str, ...], desk: Desk, stop: Callable[[], None]) -> None:
        def register(server: grpc.Server) -> None:
            info_pb2_grpc.add_InfoServicer_to_server(InfoService(versions, desk), server)
            if "v1alpha1" in versions:
                v1alpha1_pb2_grpc.add_CallbacksServicer_to_server(CallbacksV1Alpha1(desk), server)
            if "v1alpha2" in versions:
                v1alpha2_pb2_grpc.add_CallbacksServicer_to_server(CallbacksV1Alpha2(desk), server)
            if "v1alpha3" in versions:
                v1alpha3_pb2_grpc.add_CallbacksServicer_to_server(
                    CallbacksV1Alpha3(desk, stop), server
                )
            plugins_v1alpha1_pb2_grpc.add_DomainHookServiceServicer_to_server(
                DomainHookService(desk), server
            )

        super().__init__(register, threads=THREADS, grace=_GRACE_SECONDS)
