# SPDX-License-Identifier: Apache-2.0
"""The manifests as files: YAML documents, and what each kustomization refers to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

MANIFESTS = Path(__file__).parents[2] / "manifests"
EXAMPLES = MANIFESTS / "examples"

Document = dict[str, Any]
"""A Kubernetes object as YAML gives it: its shape is what the tests are about."""


def yaml_files() -> list[Path]:
    return sorted(MANIFESTS.rglob("*.yaml"))


def load_all(path: Path) -> list[Any]:
    with path.open(encoding="utf-8") as stream:
        return list(yaml.safe_load_all(stream))


def objects() -> Iterator[tuple[Path, Document]]:
    """Yield every Kubernetes object; kustomizations and their patches are none."""
    for path in yaml_files():
        for document in load_all(path):
            if isinstance(document, dict) and path.name != "kustomization.yaml":
                yield path, document


def find(kind: str, name: str) -> Document:
    found = [
        document
        for _, document in objects()
        if document["kind"] == kind and document["metadata"]["name"] == name
    ]
    assert len(found) == 1, f"{len(found)} objects are a {kind} named {name}"
    return found[0]


def references(kustomization: Path) -> list[Path]:
    """Return what the kustomization refers to: files and folders of kustomizations."""
    (document,) = load_all(kustomization)
    names = [*document.get("resources", []), *document.get("components", [])]
    names += [patch["path"] for patch in document.get("patches", [])]
    return [(kustomization.parent / name).resolve() for name in names]
