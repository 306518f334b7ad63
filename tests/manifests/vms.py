# SPDX-License-Identifier: Apache-2.0
"""VMs and VMIs for the tests of the policies."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from sidecar.model.request import Request
from sidecar.vmi.request import parse_request
from tests.manifests.tree import Document


def vmi(
    annotations: Mapping[str, str] | None = None,
    requests: Mapping[str, object] | None = None,
    limits: Mapping[str, object] | None = None,
) -> Document:
    """Return a VMI with one NIC and one disk; what is None is left out."""
    resources = {
        key: dict(value)
        for key, value in (("requests", requests), ("limits", limits))
        if value is not None
    }
    metadata: dict[str, Any] = {"name": "example", "namespace": "default"}
    if annotations is not None:
        metadata["annotations"] = dict(annotations)
    domain: dict[str, Any] = {
        "devices": {
            "disks": [{"name": "root", "disk": {"bus": "virtio"}}],
            "interfaces": [{"name": "default", "masquerade": {}}],
        }
    }
    if resources:
        domain["resources"] = resources
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": metadata,
        "spec": {"domain": domain, "networks": [{"name": "default", "pod": {}}]},
    }


def vm_of(instance: Document) -> Document:
    """Return a VirtualMachine with the VMI as its template."""
    template = {"metadata": dict(instance["metadata"]), "spec": instance["spec"]}
    del template["metadata"]["name"], template["metadata"]["namespace"]
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "example", "namespace": "default"},
        "spec": {"runStrategy": "Always", "template": copy.deepcopy(template)},
    }


def instance_of(document: Document) -> Document:
    """Return the VMI that KubeVirt makes of a VirtualMachine; a VMI stays what it is."""
    if document["kind"] == "VirtualMachineInstance":
        return copy.deepcopy(document)
    template = copy.deepcopy(document["spec"]["template"])
    return {
        "apiVersion": document["apiVersion"],
        "kind": "VirtualMachineInstance",
        "metadata": {**template.get("metadata", {}), "name": document["metadata"]["name"]},
        "spec": template["spec"],
    }


def request_of(instance: Document) -> Request:
    return parse_request(json.dumps(instance).encode())
