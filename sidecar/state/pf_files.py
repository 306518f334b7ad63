# SPDX-License-Identifier: Apache-2.0
"""The files of one PF: read as values, written in an order that no crash can garble.

``pf.json`` is there before the first lease, and names a VF only once its lease is there. So a
name without a lease, or a lease without ``pf.json``, is somebody else's doing, and never
a VF that nobody has.
"""

import re
from dataclasses import replace
from typing import Final

from sidecar.errors import HostError
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord
from sidecar.model.vf import MAX_FUNCTIONS
from sidecar.state.fields import NewerFormatError
from sidecar.state.files import Folder
from sidecar.state.records import PfFile, format_lease, format_pf, parse_lease, parse_pf

PF_FILE: Final = "pf.json"
_VF_FILE = re.compile(r"vf-(0|[1-9][0-9]{0,4})\.json")


def vf_file(index: int) -> str:
    """Return the name of a VF's file."""
    return f"vf-{index}.json"


class Shelf:
    """The records of a PF in its folder."""

    def __init__(self, folder: Folder, pf: PciAddress) -> None:
        self.folder, self.pf = folder, pf

    def pf_file(self) -> PfFile:
        """Return the PF's file, an empty one if nothing was ever recorded.

        Raises:
            HostError: it is damaged, or missing beside leases.
        """
        return self._read_pf() or self._none_yet()

    def leases(self) -> dict[int, Lease]:
        """Return all leases; a damaged or missing one is to be inspected, without holder.

        Raises:
            HostError: something cannot be read, or is of a later version.
        """
        # The PF's file first: what it names was there by then, and is never removed.
        known = self.pf_file().known
        found = {}
        for index in sorted(known | self._listed()):
            lease = self.lease(index)
            found[index] = self.lost(index) if lease is None else lease
        return found

    def lease(self, index: int) -> Lease | None:
        """Return a VF's lease, to be inspected if it is damaged; ``None`` without the file."""
        data = self.folder.read(vf_file(index))
        if data is None:
            return None
        try:
            return parse_lease(data, str(self.folder.path / vf_file(index)), self.pf, index)
        except NewerFormatError:
            raise
        except HostError as error:
            return self._inspect(index, str(error))

    def damaged(self, index: int) -> bool:
        """Tell whether a VF's file is there and says nothing valid."""
        data = self.folder.read(vf_file(index))
        if data is None:
            return False
        try:
            parse_lease(data, vf_file(index), self.pf, index)
        except HostError:
            return True
        return False

    def lost(self, index: int) -> Lease:
        """Return the lease to be inspected of a VF whose record was taken away."""
        return self._inspect(index, f"its record is missing: {self.folder.path / vf_file(index)}")

    def write_lease(self, lease: Lease, file: PfFile) -> PfFile:
        """Write a VF's lease, and name it in the PF's file.

        Returns:
            The PF's file as it is now.
        """
        if self.folder.read(PF_FILE) is None:
            self.write_pf(file)
        self.folder.write(vf_file(lease.index), format_lease(lease))
        if lease.index in file.known:
            return file
        file = replace(file, known=file.known | {lease.index})
        self.write_pf(file)
        return file

    def write_pf(self, file: PfFile) -> None:
        """Write the PF's file."""
        self.folder.write(PF_FILE, format_pf(file))

    def _read_pf(self) -> PfFile | None:
        data = self.folder.read(PF_FILE)
        return None if data is None else parse_pf(data, str(self.folder.path / PF_FILE), self.pf)

    def _none_yet(self) -> PfFile:
        # A writer may have made both files since the first look.
        file = self._read_pf() if self._listed() else PfFile(PfRecord(self.pf))
        if file is None:
            raise HostError(
                "a PF's record is missing, although its VFs have records",
                where=str(self.folder.path / PF_FILE),
                todo="Restore the file; or, once no guest has a VF of this PF, move the folder "
                "away",
            )
        return file

    def _listed(self) -> frozenset[int]:
        matches = map(_VF_FILE.fullmatch, self.folder.names())
        numbers = (int(match[1]) for match in matches if match is not None)
        return frozenset(number for number in numbers if number <= MAX_FUNCTIONS)

    def _inspect(self, index: int, reason: str) -> Lease:
        return Lease(self.pf, index, state=LeaseState.INSPECT, reason=reason)
