# SPDX-License-Identifier: Apache-2.0
"""``DomainHookService`` of KubeVirt's plugin API."""

import grpc

from sidecar.errors import RequestError, shorten
from sidecar.hook.calls import Call, Desk
from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.pb import plugins_v1alpha1_pb2_grpc as pb_grpc
from sidecar.process.grpc_status import abort

DOMAIN_TYPE = "libvirt"


class DomainHookService(pb_grpc.DomainHookServiceServicer):
    """Rewrites a domain; boot and migration target are the same work."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def MutateDomain(  # noqa: N802 - the protocol's name
        self, request: pb.MutateDomainRequest, context: grpc.ServicerContext
    ) -> pb.MutateDomainResponse:
        """Rewrite the domain."""
        if request.domain_type != DOMAIN_TYPE:
            abort(
                context,
                RequestError(
                    "this kind of domain is not known here",
                    where="MutateDomainRequest.domain_type",
                    found=shorten(request.domain_type),
                    expected=DOMAIN_TYPE,
                ),
            )
        invocation = request.sidecar_context.invocation_context or "without context"
        call = Call(f"plugin MutateDomain {invocation}", request.domain, request.vmi)
        return pb.MutateDomainResponse(domain=self._desk.define(call, context))
