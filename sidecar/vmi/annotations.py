# SPDX-License-Identifier: Apache-2.0
"""The annotations of a VMI that are ours."""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.errors import RequestError
from sidecar.vmi.document import load_text
from sidecar.vmi.field import Field, describe

PREFIX = "portside.io/"

INTERFACES = "portside.io/interfaces"
DISKS = "portside.io/disks"
HOST_DEVICES = "portside.io/host-devices"
MAX_PORTS = "portside.io/max-ports"
TEAMING = "portside.io/teaming"
VFS = "portside.io/vfs"
VF_ALLOCATIONS = "portside.io/vf-allocations"

KNOWN = (INTERFACES, DISKS, HOST_DEVICES, MAX_PORTS, TEAMING, VFS, VF_ALLOCATIONS)


@dataclass(frozen=True, slots=True)
class Annotations:
    """Our annotations of one VMI, each a string as Kubernetes demands.

    Raises:
        RequestError: an annotation of our prefix that we do not know (a typo would
            otherwise silently do nothing), or one whose value is no string.
    """

    values: Mapping[str, object]

    def __post_init__(self) -> None:
        for key, value in self.values.items():
            if key not in KNOWN:
                raise RequestError(
                    "unknown annotation",
                    where="VMI, at $.metadata.annotations",
                    found=describe(key),
                    expected=f"one of {', '.join(KNOWN)}",
                )
            Field(f"annotation {key}", value, "").text()

    def plain(self, key: str) -> Field | None:
        """Return the text of an annotation as it stands."""
        if key not in self.values:
            return None
        return Field(f"annotation {key}", self.values[key], "")

    def document(self, key: str) -> Field | None:
        """Return the JSON document in an annotation.

        Raises:
            RequestError: the text is not JSON, or beyond the bounds of ``document``.
        """
        plain = self.plain(key)
        if plain is None:
            return None
        return Field(plain.source, load_text(plain.text(), plain.source))
