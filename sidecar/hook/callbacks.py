# SPDX-License-Identifier: Apache-2.0
"""The ``Callbacks`` service in its three versions.

``PreCloudInitIso`` is never subscribed to; called all the same, it changes nothing.
"""

from collections.abc import Callable

from sidecar.hook.calls import Call, Desk, Later
from sidecar.hook.names import ON_DEFINE_DOMAIN, PRE_CLOUD_INIT_ISO, SHUTDOWN
from sidecar.pb import v1alpha1_pb2 as v1
from sidecar.pb import v1alpha2_pb2 as v2
from sidecar.pb import v1alpha3_pb2 as v3
from sidecar.process.grpc_methods import Instant, Work, parse

_Define = (
    type[v1.OnDefineDomainParams] | type[v2.OnDefineDomainParams] | type[v3.OnDefineDomainParams]
)
_Defined = (
    type[v1.OnDefineDomainResult] | type[v2.OnDefineDomainResult] | type[v3.OnDefineDomainResult]
)
_CloudInit = type[v2.PreCloudInitIsoParams] | type[v3.PreCloudInitIsoParams]
_CloudInited = type[v2.PreCloudInitIsoResult] | type[v3.PreCloudInitIsoResult]


def callbacks(
    version: str, desk: Desk, stop: Callable[[], None]
) -> tuple[str, dict[str, Work | Instant]]:
    """Return name and methods of ``Callbacks`` in one version.

    Args:
        version: see ``sidecar.hook.names.VERSIONS``.
        desk: answers the calls.
        stop: ends the process; called once ``Shutdown`` has been answered. A sidecar that
            stays blocks the pod's end.
    """
    methods: dict[str, Work | Instant] = {}
    if version == "v1alpha1":
        methods[ON_DEFINE_DOMAIN] = _define(
            version, v1.OnDefineDomainParams, v1.OnDefineDomainResult, desk
        )
    elif version == "v1alpha2":
        methods[ON_DEFINE_DOMAIN] = _define(
            version, v2.OnDefineDomainParams, v2.OnDefineDomainResult, desk
        )
        methods[PRE_CLOUD_INIT_ISO] = _leave_cloud_init(
            version, v2.PreCloudInitIsoParams, v2.PreCloudInitIsoResult, desk
        )
    else:
        methods[ON_DEFINE_DOMAIN] = _define(
            version, v3.OnDefineDomainParams, v3.OnDefineDomainResult, desk
        )
        methods[PRE_CLOUD_INIT_ISO] = _leave_cloud_init(
            version, v3.PreCloudInitIsoParams, v3.PreCloudInitIsoResult, desk
        )
        methods[SHUTDOWN] = Instant(v3.ShutdownResult().SerializeToString(), ended=stop)
    return f"kubevirt.hooks.{version}.Callbacks", methods


def _define(version: str, params: _Define, result: _Defined, desk: Desk) -> Work:
    kind = f"{version} {ON_DEFINE_DOMAIN}"

    def answer(data: bytes, later: Later) -> bytes:
        with desk.noting_what_is_malformed(kind, later):
            request = parse(params, data)
        call = Call(kind, request.domainXML, request.vmi)
        del data, request
        return result(domainXML=desk.define(call, later)).SerializeToString()

    return Work(answer)


def _leave_cloud_init(version: str, params: _CloudInit, result: _CloudInited, desk: Desk) -> Work:
    kind = f"{version} {PRE_CLOUD_INIT_ISO}"

    def answer(data: bytes, later: Later) -> bytes:
        """Return the cloud-init data as they came."""
        with desk.noting_what_is_malformed(kind, later):
            request = parse(params, data)
        later.append(lambda: desk.note(kind))
        return result(
            cloudInitNoCloudSource=request.cloudInitNoCloudSource,
            cloudInitData=request.cloudInitData,
        ).SerializeToString()

    return Work(answer)
