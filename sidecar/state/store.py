# SPDX-License-Identifier: Apache-2.0
"""What Portside remembers, under one folder.

::

    pfs/0000:01:00.0/lock        who writes now
    pfs/0000:01:00.0/pf.json     the PF's record, and which VFs have one
    pfs/0000:01:00.0/vf-3.json   the lease of VF 3, also while it is free or not there
    pools/NAME.json

Reading takes no lock, and no right but to read; without the folder there is nothing to
remember. What is there and cannot be read is a ``HostError``.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sidecar.errors import HostError, RequestError
from sidecar.model.lease import Holder, Lease
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PoolRecord
from sidecar.state.file_names import pool_file
from sidecar.state.files import Folder, make_folder
from sidecar.state.locked_pf import HeldPf
from sidecar.state.locks import lock_folder
from sidecar.state.pf_files import Shelf
from sidecar.state.records import format_pool, parse_pool

__all__ = ["STATE", "HeldPf", "Store"]

STATE: Final = Path("/var/lib/portside")
_PATIENCE: Final = 10.0
"""Seconds to wait for another writer of pools, who is done in milliseconds."""


def _now() -> datetime:
    return datetime.now(UTC)


class Store:
    """The records of a node.

    Args:
        root: the folder; it is made when something is written.
        clock: the time that a record gets which is found cut short or damaged.
    """

    def __init__(self, root: Path = STATE, *, clock: Callable[[], datetime] = _now) -> None:
        self._pfs, self._pools = root / "pfs", root / "pools"
        self._clock = clock

    @contextmanager
    def lock(self, pf: PciAddress, seconds: float = 10.0) -> Iterator[HeldPf]:
        """Hold a PF, as its only writer on this host, and mark what was cut short.

        A lease that is being taken or returned when the block ends is cut short too.

        Raises:
            HostError: somebody else holds it for so long; a record cannot be read or written.
        """
        path = self._pfs / str(pf)
        make_folder(path)
        with Folder(path) as folder, lock_folder(folder, seconds):
            held = HeldPf(Shelf(folder, pf))
            held.recover(self._clock())
            yield held

    def leases(self, pf: PciAddress) -> Mapping[int, Lease]:
        """Return a PF's leases by the VF's number; a VF that is not there was never leased.

        A damaged or missing record is a lease to be inspected, without holder.

        Raises:
            HostError: something cannot be read.
        """
        try:
            folder = Folder(self._pfs / str(pf))
        except FileNotFoundError:
            return {}
        with folder:
            return Shelf(folder, pf).leases()

    def all_leases(self) -> tuple[Lease, ...]:
        """Return the leases of all PFs, by PF and number.

        Raises:
            HostError: something cannot be read.
        """
        return tuple(
            lease for pf in self._known_pfs() for _, lease in sorted(self.leases(pf).items())
        )

    def leases_of(self, holder: Holder) -> tuple[Lease, ...]:
        """Return what a holder has, was to get, or is to be inspected on its account.

        Raises:
            HostError: something cannot be read.
        """
        return tuple(lease for lease in self.all_leases() if lease.holder == holder)

    def record(self, pf: PciAddress) -> PfRecord:
        """Return a PF's record, an empty one if there is none.

        Raises:
            HostError: it is damaged, or cannot be read.
        """
        try:
            folder = Folder(self._pfs / str(pf))
        except FileNotFoundError:
            return PfRecord(pf)
        with folder:
            return Shelf(folder, pf).pf_file().record

    def pools(self) -> tuple[PoolRecord, ...]:
        """Return all pools, by name.

        Raises:
            HostError: one is damaged, or cannot be read.
        """
        try:
            folder = Folder(self._pools)
        except FileNotFoundError:
            return ()
        with folder:
            found = [
                record
                for file in folder.names()
                if file.endswith(".json") and (record := _read_pool(folder, file)) is not None
            ]
        return tuple(sorted(found, key=lambda record: record.definition.name))

    def pool(self, name: str) -> PoolRecord | None:
        """Return a pool, ``None`` if there is none of this name.

        Raises:
            HostError: it is damaged, or cannot be read.
        """
        try:
            folder = Folder(self._pools)
        except FileNotFoundError:
            return None
        with folder:
            return _read_pool(folder, pool_file(name))

    def write_pool(self, record: PoolRecord) -> None:
        """Write a pool, or write it anew.

        Raises:
            RequestError: its name is no text.
            HostError: the disk refuses it.
        """
        file, data = pool_file(record.definition.name), format_pool(record)
        make_folder(self._pools)
        with Folder(self._pools) as folder, lock_folder(folder, _PATIENCE):
            folder.write(file, data)

    def remove_pool(self, name: str) -> None:
        """Forget a pool; that there is none is no error.

        Raises:
            HostError: the disk refuses it.
        """
        try:
            folder = Folder(self._pools)
        except FileNotFoundError:
            return
        with folder, lock_folder(folder, _PATIENCE):
            folder.remove(pool_file(name))

    def _known_pfs(self) -> list[PciAddress]:
        try:
            folder = Folder(self._pfs)
        except FileNotFoundError:
            return []
        with folder:
            return sorted(pf for pf in map(_address, folder.names()) if pf is not None)


def _address(name: str) -> PciAddress | None:
    try:
        pf = PciAddress.parse(name)
    except RequestError:
        return None
    return pf if str(pf) == name else None


def _read_pool(folder: Folder, file: str) -> PoolRecord | None:
    data = folder.read(file)
    if data is None:
        return None
    place = str(folder.path / file)
    record = parse_pool(data, place)
    if pool_file(record.definition.name) != file:
        raise HostError("the record of another pool", where=place, found=record.definition.name)
    return record
