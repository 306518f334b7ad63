# SPDX-License-Identifier: Apache-2.0
"""Manifests as people have them, to the VMIs that KubeVirt would make of them.

A VirtualMachine, a replica set and a pool carry a template; virt-controller makes the VMI of
it: its labels, annotations and spec, under the name of the object (``setupVMIFromVM`` in
``pkg/virt-controller/watch/vm``).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sidecar.errors import RequestError
from sidecar.vmi.annotations import PREFIX
from sidecar.vmi.field import describe

VMI: Final = "VirtualMachineInstance"
_TEMPLATES: Final = {
    "VirtualMachine": ("spec", "template"),
    "VirtualMachineInstanceReplicaSet": ("spec", "template"),
    "VirtualMachinePool": ("spec", "virtualMachineTemplate", "spec", "template"),
}
"""Where each kind has the template of its VMIs."""
KINDS: Final = (VMI, *_TEMPLATES)
_LIST: Final = "List"


@dataclass(frozen=True, slots=True)
class Manifest:
    """An object that runs VMs.

    Args:
        kind: of the object, one of ``KINDS``.
        namespace: empty where the object names none.
        name: of the object.
        vmi: the VMI that comes of it.
        misplaced: annotations of ours on an object with a template, where they do nothing.
    """

    kind: str
    namespace: str
    name: str
    vmi: Mapping[str, object]
    misplaced: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return kind, namespace and name, as people read them."""
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where or '(no name)'}"


def read_manifests(document: object, source: str) -> Iterator[Manifest | str]:
    """Yield what runs VMs in a document, a list's items one by one; of all else its kind.

    Args:
        document: an object of the Kubernetes API, as values; a VMI without a kind is known
            by its ``spec.domain``.
        source: what the document is, for errors.

    Raises:
        RequestError: the document is no object, or one of its parts is not what its kind has.
    """
    if not isinstance(document, dict):
        raise RequestError(
            "not an object of the Kubernetes API",
            where=source,
            found=f"a {type(document).__name__}",
            expected=f"a {', a '.join(KINDS)}, or a List of them",
        )
    kind = document.get("kind")
    if isinstance(kind, str) and kind.endswith(_LIST) and isinstance(document.get("items"), list):
        items: Iterable[object] = document["items"]
        for number, item in enumerate(items):
            yield from read_manifests(item, f"{source}, at $.items[{number}]")
    elif kind == VMI or (kind is None and "domain" in _object(document, "spec")):
        yield _manifest(VMI, document, document, source)
    elif isinstance(kind, str) and kind in _TEMPLATES:
        yield _manifest(kind, document, _template(document, kind, source), source)
    else:
        yield describe(kind) if kind is not None else "an object without a kind"


def only_vmi(document: object, source: str) -> Mapping[str, object]:
    """Return the VMI of a document that has exactly one.

    Raises:
        RequestError: it has none, or several.
    """
    found = list(read_manifests(document, source))
    manifests = [one for one in found if isinstance(one, Manifest)]
    if len(manifests) != 1:
        raise RequestError(
            "not exactly one VM",
            where=source,
            found=", ".join(str(one) for one in manifests or found) or "an empty list",
            expected=f"one {', '.join(KINDS[:-1])} or {KINDS[-1]}",
        )
    return manifests[0].vmi


def _template(document: dict[str, object], kind: str, source: str) -> dict[str, object]:
    part: object = document
    for key in _TEMPLATES[kind]:
        part = part.get(key) if isinstance(part, dict) else None
    if not isinstance(part, dict):
        raise RequestError(
            f"a {kind} without a template of its VMI",
            where=source,
            expected=f"an object at $.{'.'.join(_TEMPLATES[kind])}",
        )
    return part


def _manifest(
    kind: str, document: dict[str, object], source_of_vmi: dict[str, object], source: str
) -> Manifest:
    metadata = _object(document, "metadata")
    spec = source_of_vmi.get("spec")
    if not isinstance(spec, dict):
        raise RequestError(
            f"a {kind} whose VMI has no spec", where=source, expected="an object with key domain"
        )
    names = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    if document is source_of_vmi:
        vmi: dict[str, object] = document
    else:
        own = _object(source_of_vmi, "metadata")
        kept = {key: own[key] for key in ("annotations", "labels") if key in own}
        vmi = {"apiVersion": "kubevirt.io/v1", "kind": VMI, "metadata": {**kept, **names}}
        vmi["spec"] = spec
    misplaced = () if kind == VMI else _ours(metadata)
    text = {key: value if isinstance(value, str) else "" for key, value in names.items()}
    return Manifest(kind, text.get("namespace", ""), text.get("name", ""), vmi, misplaced)


def _ours(metadata: Mapping[str, object]) -> tuple[str, ...]:
    annotations = metadata.get("annotations")
    keys = annotations if isinstance(annotations, dict) else ()
    return tuple(sorted(key for key in keys if isinstance(key, str) and key.startswith(PREFIX)))


def _object(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}
