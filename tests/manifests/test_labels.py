# SPDX-License-Identifier: Apache-2.0
"""The recommended labels of Kubernetes, on every object that Portside installs."""

import pytest

import sidecar
from tests.manifests import tree
from tests.manifests.tree import Document

PREFIX = "app.kubernetes.io/"
COMPONENTS = {"admission", "hook", "node"}
STABLE = {"name", "instance", "component"}
"""What a selector may name: the rest changes with versions and tools, and a selector cannot."""

# The examples are VMs of their owners, and the KubeVirt object is the cluster's.
OURS = [
    (f"{document['kind']} {document['metadata']['name']}", document)
    for path, document in tree.objects()
    if path.parent != tree.EXAMPLES and document["kind"] != "KubeVirt"
]


def expected(component: str) -> dict[str, str]:
    return {
        f"{PREFIX}name": "portside",
        f"{PREFIX}instance": "portside",
        f"{PREFIX}component": component,
        f"{PREFIX}version": sidecar.__version__,
        f"{PREFIX}part-of": "portside",
        f"{PREFIX}managed-by": "kustomize",
    }


def own(labels: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in labels.items() if key.startswith(PREFIX)}


@pytest.mark.parametrize("document", [one for _, one in OURS], ids=[name for name, _ in OURS])
def test_every_object_has_all_labels(document: Document) -> None:
    labels = document["metadata"]["labels"]
    component = labels[f"{PREFIX}component"]
    assert component in COMPONENTS
    assert own(labels) == expected(component)
    template = document.get("spec", {}).get("template")
    if template is not None:
        assert own(template["metadata"]["labels"]) == expected(component)


def test_selectors_name_what_never_changes() -> None:
    selectors = [
        one["spec"]["selector"]["matchLabels"]
        for _, one in OURS
        if "selector" in one.get("spec", {})
    ]
    assert selectors
    for selector in selectors:
        stable = {f"{PREFIX}{name}" for name in STABLE}
        assert selector == {key: value for key, value in expected("node").items() if key in stable}


def test_each_component_has_objects() -> None:
    found = {one["metadata"]["labels"][f"{PREFIX}component"] for _, one in OURS}
    assert found == COMPONENTS
