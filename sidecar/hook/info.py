# SPDX-License-Identifier: Apache-2.0
"""The ``Info`` service: who we are and what we want to be called for."""

import grpc

from sidecar.hook.calls import Desk
from sidecar.hook.names import NAME, ON_DEFINE_DOMAIN, SHUTDOWN
from sidecar.pb import info_pb2, info_pb2_grpc


def hook_points(versions: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to subscribe to.

    Never ``PreCloudInitIso``: subscribed to, it panics virt-launcher for a VMI without
    cloud-init volume. ``Shutdown`` exists from v1alpha3 on.
    """
    return (ON_DEFINE_DOMAIN, SHUTDOWN) if "v1alpha3" in versions else (ON_DEFINE_DOMAIN,)


class InfoService(info_pb2_grpc.InfoServicer):
    """Answers without the engine: an ``Info`` that takes a second panics virt-launcher."""

    def __init__(self, versions: tuple[str, ...], desk: Desk) -> None:
        points = [info_pb2.HookPoint(name=point) for point in hook_points(versions)]
        self._result = info_pb2.InfoResult(name=NAME, hookPoints=points, versions=versions)
        self._desk = desk

    def Info(  # noqa: N802 - the protocol's name
        self,
        request: info_pb2.InfoParams,  # noqa: ARG002 - gRPC's signature
        context: grpc.ServicerContext,  # noqa: ARG002 - as above
    ) -> info_pb2.InfoResult:
        """Say what we offer."""
        self._desk.note("Info")
        return self._result
