# SPDX-License-Identifier: Apache-2.0
"""KubeVirt's resources, with the fields that Portside's manifests and tests use.

KubeVirt's own definitions have some hundred more fields. Types, required fields and what is kept
though it is unknown (a template's metadata) are as there (KubeVirt 1.9).
"""

from tests.cluster.api import Document

TEXT: Document = {"type": "string"}
TEXTS: Document = {"type": "array", "items": TEXT}
NUMBER: Document = {"type": "integer"}
QUANTITIES: Document = {
    "type": "object",
    "additionalProperties": {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
}
EMPTY: Document = {"type": "object"}


def record(*required: str, **properties: Document) -> Document:
    schema: Document = {"type": "object", "properties": properties}
    if required:
        schema["required"] = list(required)
    return schema


def records(*required: str, **properties: Document) -> Document:
    return {"type": "array", "items": record(*required, **properties)}


DEVICES = record(
    disks=records("name", name=TEXT, disk=record(bus=TEXT), lun=record(bus=TEXT), bootOrder=NUMBER),
    interfaces=records(
        "name",
        name=TEXT,
        masquerade=EMPTY,
        bridge=EMPTY,
        sriov=EMPTY,
        binding=record("name", name=TEXT),
        macAddress=TEXT,
        model=TEXT,
    ),
    hostDevices=records("name", "deviceName", name=TEXT, deviceName=TEXT),
    gpus=records("name", "deviceName", name=TEXT, deviceName=TEXT),
)
INSTANCE = record(
    "domain",
    domain=record(
        "devices",
        machine=record(type=TEXT),
        cpu=record(cores=NUMBER, dedicatedCpuPlacement={"type": "boolean"}),
        memory=record(guest={"x-kubernetes-int-or-string": True}),
        resources=record(requests=QUANTITIES, limits=QUANTITIES),
        devices=DEVICES,
    ),
    networks=records("name", name=TEXT, pod=EMPTY, multus=record("networkName", networkName=TEXT)),
    volumes=records(
        "name",
        name=TEXT,
        persistentVolumeClaim=record("claimName", claimName=TEXT),
        containerDisk=record("image", image=TEXT),
    ),
    nodeSelector={"type": "object", "additionalProperties": TEXT},
    evictionStrategy=TEXT,
)
MACHINE = record(
    "template",
    runStrategy=TEXT,
    template=record(
        metadata={"type": "object", "x-kubernetes-preserve-unknown-fields": True}, spec=INSTANCE
    ),
)
KUBEVIRT = record(
    configuration=record(developerConfiguration=record(featureGates=TEXTS)),
)
REFERENCES = records("name", name={"type": "string", "minLength": 1})
PLUGIN = record(
    condition=TEXT,
    failureStrategy=TEXT,
    domainHooks=records(
        cel=record("expression", expression=TEXT),
        sidecar=record("socketPath", socketPath=TEXT),
        condition=TEXT,
        failureStrategy=TEXT,
        timeout=TEXT,
    ),
    nodeHooks=records(
        "socket",
        "permittedHooks",
        socket=TEXT,
        permittedHooks=TEXTS,
        condition=TEXT,
        failureStrategy=TEXT,
        timeout=TEXT,
    ),
    mutatingAdmissionPolicies=REFERENCES,
    validatingAdmissionPolicies=REFERENCES,
)


def definition(
    group: str, version: str, kind: str, spec: Document, *, namespaced: bool = True
) -> Document:
    """Return the CustomResourceDefinition of a kind."""
    plural = f"{kind.lower()}s"
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {
        "type": "object",
        "required": ["spec"],
        "properties": {"spec": spec, "status": status},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


INSTANCES = definition("kubevirt.io", "v1", "VirtualMachineInstance", INSTANCE)
DEFINITIONS = (
    INSTANCES,
    definition("kubevirt.io", "v1", "VirtualMachine", MACHINE),
    definition("kubevirt.io", "v1", "KubeVirt", KUBEVIRT),
    definition("plugin.kubevirt.io", "v1alpha1", "Plugin", PLUGIN, namespaced=False),
)
