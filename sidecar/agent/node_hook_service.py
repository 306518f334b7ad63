# SPDX-License-Identifier: Apache-2.0
"""``NodeHookService`` of KubeVirt's plugin API, served on the node for virt-handler."""

from collections.abc import Callable
from dataclasses import dataclass

from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.process.grpc_limits import Limits
from sidecar.process.grpc_methods import Note, Work, parse
from sidecar.process.grpc_server import GrpcServer

_LIMITS = Limits(workers=8, turns=16, grace=10.0)
"""Calls wait for the kernel and for each other's locks, not for Python's. One that set half of
a VF's settings is better let end: it takes milliseconds."""


@dataclass(frozen=True, slots=True)
class NodeCall:
    """What virt-handler tells: a point of the VM's life, the VMI as JSON, the node's name."""

    point: str
    vmi: bytes
    node: str


Handle = Callable[[NodeCall], None]
"""Answers a call; its error reaches the user as the class says (see ``process.grpc_status``)."""


class NodeHookServer(GrpcServer):
    """Serves ``NodeHookService``: hands every call to ``handle``, whatever its hook point.

    Args:
        handle: answers the calls.
        note: writes a log line about the server itself.
    """

    def __init__(self, handle: Handle, note: Note) -> None:
        def answer(data: bytes, _later: object) -> bytes:
            request = parse(pb.ExecuteNodeHookRequest, data)
            handle(NodeCall(request.hookPoint, request.vmi, request.node_context.node_name))
            return pb.ExecuteNodeHookResponse().SerializeToString()

        service = "kubevirt.hooks.plugins.v1alpha1.NodeHookService"
        super().__init__({service: {"ExecuteNodeHook": Work(answer)}}, _LIMITS, note)
