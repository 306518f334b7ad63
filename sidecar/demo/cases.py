# SPDX-License-Identifier: Apache-2.0
"""VMs to play: a VMI and the domain that KubeVirt's converter makes of it."""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from sidecar.errors import RequestError

_FOLDER = Path(__file__).with_name("cases")
ANNOTATION = "portside.io/interfaces"


class CaseName(StrEnum):
    """VMs that come with the demo."""

    NIC1 = "nic1"
    """One NIC, two disks, 1 GiB."""
    NIC4 = "nic4"
    """Four NICs: KubeVirt adds no placeholders of its own."""
    BIGMEM = "bigmem"
    """One NIC, 8 GiB: KubeVirt reserves more."""
    TEAMED = "teamed"
    """Three NICs, of which a VF teams with a bridge."""


@dataclass(frozen=True, slots=True)
class Case:
    """A VM: its VMI (JSON), and its domain (XML) without any placeholder or address."""

    name: str
    vmi: bytes
    domain: bytes

    @property
    def defined(self) -> int:
        """NICs that the VMI defines."""
        return len(self._document()["spec"]["domain"]["devices"].get("interfaces", []))

    def asking_for(self, interfaces: int) -> bytes:
        """Return the VMI with the annotation that asks for so many interfaces in all."""
        document = self._document()
        document["metadata"].setdefault("annotations", {})[ANNOTATION] = str(interfaces)
        return json.dumps(document).encode()

    def _document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.vmi)
        return document


def load_case(name: CaseName) -> Case:
    """Read a VM that comes with the demo."""
    return load_files(_FOLDER / f"{name}.json", _FOLDER / f"{name}.xml", str(name))


def load_files(vmi: Path, domain: Path, name: str) -> Case:
    """Read a VM from files.

    Raises:
        RequestError: a file cannot be read, or the VMI is none.
    """
    try:
        case = Case(name, vmi.read_bytes(), domain.read_bytes())
        case.asking_for(0)
        _ = case.defined
    except OSError as error:
        raise RequestError(
            "cannot read the file", where=str(error.filename), found=str(error.strerror)
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            "not a VirtualMachineInstance in JSON",
            where=str(vmi),
            found=f"{type(error).__name__}: {error}",
            expected="what kubectl get vmi NAME -o json prints",
        ) from error
    return case
