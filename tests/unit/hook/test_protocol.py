# SPDX-License-Identifier: Apache-2.0
"""Names, numbers and types are KubeVirt's (``pkg/hooks/**/*.proto`` of its 1.9 line)."""

import pytest
from google.protobuf.descriptor import FieldDescriptor, FileDescriptor

from sidecar.pb import (
    info_pb2,
    plugins_v1alpha1_pb2,
    v1alpha1_pb2,
    v1alpha2_pb2,
    v1alpha3_pb2,
)

TYPES = {
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_INT32: "int32",
}
DEFINE = {
    "OnDefineDomainParams": ["1 bytes domainXML", "2 bytes vmi"],
    "OnDefineDomainResult": ["1 bytes domainXML"],
}
CLOUD_INIT = {
    "PreCloudInitIsoParams": [
        "1 bytes cloudInitNoCloudSource",
        "2 bytes vmi",
        "3 bytes cloudInitData",
    ],
    "PreCloudInitIsoResult": ["1 bytes cloudInitNoCloudSource", "3 bytes cloudInitData"],
}
DEFINE_METHOD = "OnDefineDomain(OnDefineDomainParams) OnDefineDomainResult"
CLOUD_INIT_METHOD = "PreCloudInitIso(PreCloudInitIsoParams) PreCloudInitIsoResult"


def describe_messages(file: FileDescriptor) -> dict[str, list[str]]:
    return {
        name: [describe_field(field) for field in message.fields]
        for name, message in file.message_types_by_name.items()
    }


def describe_field(field: FieldDescriptor) -> str:
    kind = field.message_type.name if field.message_type else TYPES[field.type]
    repeated = "repeated " if field.is_repeated else ""
    return f"{field.number} {repeated}{kind} {field.name}"


def describe_services(file: FileDescriptor) -> dict[str, list[str]]:
    return {
        name: [
            f"{method.name}({method.input_type.name}) {method.output_type.name}"
            for method in service.methods
        ]
        for name, service in file.services_by_name.items()
    }


@pytest.mark.parametrize(
    ("file", "package", "services", "messages"),
    [
        (
            info_pb2.DESCRIPTOR,
            "kubevirt.hooks.info",
            {"Info": ["Info(InfoParams) InfoResult"]},
            {
                "InfoParams": [],
                "InfoResult": [
                    "1 string name",
                    "3 repeated HookPoint hookPoints",
                    "4 repeated string versions",
                ],
                "HookPoint": ["1 string name", "2 int32 priority"],
            },
        ),
        (
            v1alpha1_pb2.DESCRIPTOR,
            "kubevirt.hooks.v1alpha1",
            {"Callbacks": [DEFINE_METHOD]},
            DEFINE,
        ),
        (
            v1alpha2_pb2.DESCRIPTOR,
            "kubevirt.hooks.v1alpha2",
            {"Callbacks": [DEFINE_METHOD, CLOUD_INIT_METHOD]},
            DEFINE | CLOUD_INIT,
        ),
        (
            v1alpha3_pb2.DESCRIPTOR,
            "kubevirt.hooks.v1alpha3",
            {
                "Callbacks": [
                    DEFINE_METHOD,
                    CLOUD_INIT_METHOD,
                    "Shutdown(ShutdownParams) ShutdownResult",
                ]
            },
            DEFINE | CLOUD_INIT | {"ShutdownParams": [], "ShutdownResult": []},
        ),
        (
            plugins_v1alpha1_pb2.DESCRIPTOR,
            "kubevirt.hooks.plugins.v1alpha1",
            {
                "DomainHookService": ["MutateDomain(MutateDomainRequest) MutateDomainResponse"],
                "NodeHookService": [
                    "ExecuteNodeHook(ExecuteNodeHookRequest) ExecuteNodeHookResponse"
                ],
            },
            {
                "SidecarContext": ["1 string invocation_context"],
                "MutateDomainRequest": [
                    "1 string domain_type",
                    "2 bytes domain",
                    "3 bytes vmi",
                    "4 SidecarContext sidecar_context",
                ],
                "MutateDomainResponse": ["1 bytes domain"],
                "NodeContext": ["1 string node_name"],
                "ExecuteNodeHookRequest": [
                    "1 string hookPoint",
                    "2 bytes vmi",
                    "3 NodeContext node_context",
                ],
                "ExecuteNodeHookResponse": [],
            },
        ),
    ],
    ids=["info", "v1alpha1", "v1alpha2", "v1alpha3", "plugins"],
)
def test_wire_format(
    file: FileDescriptor,
    package: str,
    services: dict[str, list[str]],
    messages: dict[str, list[str]],
) -> None:
    assert file.package == package
    assert describe_services(file) == services
    assert describe_messages(file) == messages
