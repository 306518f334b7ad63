# SPDX-License-Identifier: Apache-2.0
"""``DomainHookService`` of KubeVirt's plugin API."""

from sidecar.errors import RequestError, shorten
from sidecar.hook.calls import Call, Desk, Later
from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.process.grpc_methods import Work, parse

DOMAIN_TYPE = "libvirt"


def domain_hook(desk: Desk) -> tuple[str, dict[str, Work]]:
    """Return name and methods of the service: it rewrites a domain.

    Boot and migration target are the same work.
    """

    def answer(data: bytes, later: Later) -> bytes:
        with desk.noting_what_is_malformed("plugin MutateDomain", later):
            request = parse(pb.MutateDomainRequest, data)
        if request.domain_type != DOMAIN_TYPE:
            raise RequestError(
                "unknown kind of domain",
                where="MutateDomainRequest.domain_type",
                found=shorten(request.domain_type),
                expected=DOMAIN_TYPE,
            )
        invocation = request.sidecar_context.invocation_context or "without context"
        call = Call(f"plugin MutateDomain {invocation[:80]}", request.domain, request.vmi)
        del data, request
        return pb.MutateDomainResponse(domain=desk.define(call, later)).SerializeToString()

    return "kubevirt.hooks.plugins.v1alpha1.DomainHookService", {"MutateDomain": Work(answer)}
