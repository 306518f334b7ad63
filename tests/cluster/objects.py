# SPDX-License-Identifier: Apache-2.0
"""What the tests of the policies create, and how KubeVirt reads it."""

import json

from tests.cluster.api import Document

KEY = "hooks.kubevirt.io/hookSidecars"


def named(document: Document, name: str, namespace: str) -> Document:
    document["metadata"] |= {"name": name, "namespace": namespace}
    return document


def sidecars(document: Document) -> list[str]:
    """Return the images of the VMI's hook sidecars, as KubeVirt reads them."""
    annotations = document["metadata"].get("annotations", {})
    return [entry["image"] for entry in json.loads(annotations.get(KEY, "[]"))]
