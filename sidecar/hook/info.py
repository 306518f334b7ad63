# SPDX-License-Identifier: Apache-2.0
"""The ``Info`` service: who we are and what we want to be called for."""

from functools import partial

from sidecar.hook.calls import Desk
from sidecar.hook.names import NAME, ON_DEFINE_DOMAIN, SHUTDOWN
from sidecar.pb import info_pb2
from sidecar.process.grpc_methods import Instant


def hook_points(versions: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to subscribe to.

    Never ``PreCloudInitIso``: subscribed to, it panics virt-launcher for a VMI without
    cloud-init volume. ``Shutdown`` exists from v1alpha3 on.
    """
    return (ON_DEFINE_DOMAIN, SHUTDOWN) if "v1alpha3" in versions else (ON_DEFINE_DOMAIN,)


def info(versions: tuple[str, ...], desk: Desk) -> tuple[str, dict[str, Instant]]:
    """Return name and methods of the service.

    It answers without the engine, and whatever else is in work: an ``Info`` that takes a
    second panics virt-launcher.
    """
    points = [info_pb2.HookPoint(name=point) for point in hook_points(versions)]
    result = info_pb2.InfoResult(name=NAME, hookPoints=points, versions=versions)
    method = Instant(result.SerializeToString(), noted=partial(desk.note, "Info"))
    return "kubevirt.hooks.info.Info", {"Info": method}
