# SPDX-License-Identifier: Apache-2.0
"""Builds VMIs as KubeVirt sends them to a hook."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sidecar.errors import RequestError
from sidecar.vmi.request import parse_request

MAC = "02:00:00:00:00:aa"
OTHER_MAC = "02:00:00:00:00:bb"

DEFAULT = {"name": "default", "masquerade": {}}
STANDBY = {"name": "standby", "bridge": {}, "macAddress": MAC}
VF = {"name": "vf", "sriov": {}, "macAddress": MAC}


def vmi(
    annotations: Mapping[str, object] | None = None,
    *,
    interfaces: object = (DEFAULT, STANDBY, VF),
    devices: Mapping[str, object] | None = None,
    resources: object = None,
) -> bytes:
    """Return a VMI; an annotation that is not text is written as JSON text."""
    texts = {
        f"portside.io/{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in (annotations or {}).items()
    }
    return encode(texts, interfaces=interfaces, devices=devices, resources=resources)


def encode(
    annotations: object,
    *,
    interfaces: object = (DEFAULT,),
    devices: Mapping[str, object] | None = None,
    resources: object = None,
) -> bytes:
    """Return a VMI with the annotations exactly as they are given."""
    document: dict[str, Any] = {
        "metadata": {"namespace": "ns", "name": "vm", "uid": "u-1", "annotations": annotations},
        "spec": {
            "domain": {
                "resources": {} if resources is None else resources,
                "devices": {"interfaces": interfaces, **(devices or {})},
            }
        },
    }
    return json.dumps(document).encode()


def refusal(document: bytes) -> RequestError:
    """Return the error that a VMI gets."""
    with pytest.raises(RequestError) as caught:
        parse_request(document)
    return caught.value


def vfs(*entries: Mapping[str, object], **others: object) -> bytes:
    """Return a VMI with VF entries."""
    return vmi({"vfs": list(entries), **others})


def check(document: bytes, where: str, *parts: str) -> None:
    """Check that a VMI is refused at ``where``, in a text that has all of ``parts``."""
    error = refusal(document)
    assert error.where == where
    absent: Sequence[str] = [part for part in parts if part not in str(error)]
    assert not absent, str(error)
