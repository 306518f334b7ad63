# SPDX-License-Identifier: Apache-2.0
r"""Names of vendors and devices, from the PCI ID database (pci.ids) if it is installed.

Format: https://pci-ids.ucw.cz/ (``vvvv  Vendor``, then ``\tdddd  Device`` for each of its
devices).
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from sidecar.model.vf import PciId

DATABASES: Final = (Path("/usr/share/misc/pci.ids"), Path("/usr/share/hwdata/pci.ids"))
"""Where Debian's packages pci.ids and hwdata put it."""


class PciNames:
    """Looks names up; the database is read when the first is asked for, never parsed whole."""

    def __init__(self, databases: Sequence[Path] = DATABASES) -> None:
        """Take the files to try, in order."""
        self._databases = databases
        self._known: dict[PciId, str | None] = {}

    def name(self, identity: PciId) -> str | None:
        """Return ``Vendor Device``, only the vendor for an unknown device, else ``None``."""
        if identity not in self._known:
            self._known[identity] = self._find(identity)
        return self._known[identity]

    @cached_property
    def _text(self) -> bytes:
        for path in self._databases:
            try:
                # A line's end in front, so that each line can be found by it.
                return b"\n" + path.read_bytes()
            except OSError:
                continue
        return b""

    def _find(self, identity: PciId) -> str | None:
        start = self._text.find(f"\n{identity.vendor:04x}  ".encode())
        if start < 0:
            return None
        vendor, _, rest = self._text[start + 1 :].partition(b"\n")
        names = [vendor[6:]]
        wanted = f"\t{identity.device:04x}  ".encode()
        for line in rest.splitlines():
            if line and not line.startswith((b"\t", b"#")):
                break
            if line.startswith(wanted):
                names.append(line[len(wanted) :])
                break
        return b" ".join(names).decode(errors="replace")
