# SPDX-License-Identifier: Apache-2.0
"""The ``Callbacks`` service in its three versions.

``PreCloudInitIso`` is never subscribed to; called all the same, it changes nothing.
"""

# ruff: noqa: N802 - the methods' names are the protocol's

from collections.abc import Callable

import grpc

from sidecar.hook.calls import Call, Desk
from sidecar.pb import v1alpha1_pb2 as v1
from sidecar.pb import v1alpha1_pb2_grpc as v1_grpc
from sidecar.pb import v1alpha2_pb2 as v2
from sidecar.pb import v1alpha2_pb2_grpc as v2_grpc
from sidecar.pb import v1alpha3_pb2 as v3
from sidecar.pb import v1alpha3_pb2_grpc as v3_grpc


class CallbacksV1Alpha1(v1_grpc.CallbacksServicer):
    """``kubevirt.hooks.v1alpha1.Callbacks``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def OnDefineDomain(
        self, request: v1.OnDefineDomainParams, context: grpc.ServicerContext
    ) -> v1.OnDefineDomainResult:
        """Rewrite the domain."""
        call = Call("v1alpha1 OnDefineDomain", request.domainXML, request.vmi)
        return v1.OnDefineDomainResult(domainXML=self._desk.define(call, context))


class CallbacksV1Alpha2(v2_grpc.CallbacksServicer):
    """``kubevirt.hooks.v1alpha2.Callbacks``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def OnDefineDomain(
        self, request: v2.OnDefineDomainParams, context: grpc.ServicerContext
    ) -> v2.OnDefineDomainResult:
        """Rewrite the domain."""
        call = Call("v1alpha2 OnDefineDomain", request.domainXML, request.vmi)
        return v2.OnDefineDomainResult(domainXML=self._desk.define(call, context))

    def PreCloudInitIso(
        self, request: v2.PreCloudInitIsoParams, _context: grpc.ServicerContext
    ) -> v2.PreCloudInitIsoResult:
        """Return the cloud-init data as they came."""
        self._desk.note("v1alpha2 PreCloudInitIso")
        return v2.PreCloudInitIsoResult(
            cloudInitNoCloudSource=request.cloudInitNoCloudSource,
            cloudInitData=request.cloudInitData,
        )


class CallbacksV1Alpha3(v3_grpc.CallbacksServicer):
    """``kubevirt.hooks.v1alpha3.Callbacks``.

    Args:
        desk: answers the calls.
        stop: ends the process; called once ``Shutdown`` has been answered.
    """

    def __init__(self, desk: Desk, stop: Callable[[], None]) -> None:
        self._desk = desk
        self._stop = stop

    def OnDefineDomain(
        self, request: v3.OnDefineDomainParams, context: grpc.ServicerContext
    ) -> v3.OnDefineDomainResult:
        """Rewrite the domain."""
        call = Call("v1alpha3 OnDefineDomain", request.domainXML, request.vmi)
        return v3.OnDefineDomainResult(domainXML=self._desk.define(call, context))

    def PreCloudInitIso(
        self, request: v3.PreCloudInitIsoParams, _context: grpc.ServicerContext
    ) -> v3.PreCloudInitIsoResult:
        """Return the cloud-init data as they came."""
        self._desk.note("v1alpha3 PreCloudInitIso")
        return v3.PreCloudInitIsoResult(
            cloudInitNoCloudSource=request.cloudInitNoCloudSource,
            cloudInitData=request.cloudInitData,
        )

    def Shutdown(
        self, _request: v3.ShutdownParams, context: grpc.ServicerContext
    ) -> v3.ShutdownResult:
        """End the process: a sidecar that stays blocks the pod's end."""
        if not context.add_callback(self._stop):
            self._stop()  # the caller is gone already
        return v3.ShutdownResult()
