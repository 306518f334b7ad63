# SPDX-License-Identifier: Apache-2.0
"""``NodeHookService`` of KubeVirt's plugin API, served on the node for virt-handler."""

from collections.abc import Callable
from dataclasses import dataclass

import grpc

from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.pb import plugins_v1alpha1_pb2_grpc as pb_grpc
from sidecar.process.grpc_server import GrpcServer
from sidecar.process.grpc_status import abort

_THREADS = 8
"""Calls wait for the kernel and for each other's locks, not for Python's."""
_GRACE_SECONDS = 10.0
"""A call that set half of a VF's settings is better let end: it takes milliseconds."""


@dataclass(frozen=True, slots=True)
class NodeCall:
    """What virt-handler tells: a point of the VM's life, the VMI as JSON, the node's name."""

    point: str
    vmi: bytes
    node: str


Handle = Callable[[NodeCall], None]
"""Answers a call; its error reaches the user as the class says (see ``process.grpc_status``)."""


class NodeHookService(pb_grpc.NodeHookServiceServicer):
    """Hands every call to ``handle``, whatever its hook point."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def ExecuteNodeHook(  # noqa: N802 - the protocol's name
        self, request: pb.ExecuteNodeHookRequest, context: grpc.ServicerContext
    ) -> pb.ExecuteNodeHookResponse:
        """Answer one call."""
        call = NodeCall(request.hookPoint, request.vmi, request.node_context.node_name)
        try:
            self._handle(call)
        except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
            abort(context, error)
        return pb.ExecuteNodeHookResponse()


class NodeHookServer(GrpcServer):
    """Serves ``NodeHookService``."""

    def __init__(self, handle: Handle) -> None:
        def register(server: grpc.Server) -> None:
            pb_grpc.add_NodeHookServiceServicer_to_server(NodeHookService(handle), server)

        super().__init__(register, threads=_THREADS, grace=_GRACE_SECONDS)
