# SPDX-License-Identifier: Apache-2.0
"""PostVMStop: returns the VFs of a VMI, and only those that are leased to this very one.

KubeVirt repeats the call.
"""

import time
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sidecar.agent.prepare import LOCK_SECONDS
from sidecar.agent.vf_requests import holder_of
from sidecar.errors import BusyError, CapacityError, HostError, PortsideError
from sidecar.host.inventory import read_inventory
from sidecar.host.usage import on_vfio
from sidecar.model.availability import Availability
from sidecar.model.lease import Lease
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.lease_life import LeaseLife
from sidecar.state.store import HeldPf
from sidecar.vmi.request import parse_identity

_STOPPED: Final = "its VM has stopped"


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What came of it: VFs returned (by PF and number), and those left for inspection."""

    returned: tuple[str, ...]
    marked: tuple[str, ...]


def give_back(node: Node, vmi: bytes) -> GivenBack:
    """Return every lease of the VMI, whatever its annotations say now.

    Raises:
        RequestError: the VMI has no uid.
        CapacityError: a VF is still open; it stays leased, marked for inspection, and a later
            call returns it.
        HostError: a VF cannot be set back (as above), or the records cannot be read or written.
        BusyError: another command works on the PF.
    """
    holder = holder_of(parse_identity(vmi))
    mine = node.store.leases_of(holder)  # by PF and number
    returned: list[str] = []
    marked: list[str] = []
    errors: list[PortsideError] = []
    end = time.monotonic() + LOCK_SECONDS
    for pf, leases in groupby(mine, key=lambda lease: lease.pf):
        try:
            with node.store.lock(pf, seconds=max(0.0, end - time.monotonic())) as held:
                for known in leases:
                    lease = held.leases().get(known.index)
                    if lease is None or lease.holder != holder:
                        continue  # returned meanwhile, by a call that was faster
                    where = f"{pf} VF {lease.index}"
                    try:
                        done = _Return(node, held, read_inventory(node.sysfs, node.proc), lease)
                        (returned if done.run() else marked).append(where)
                    except PortsideError as error:
                        errors.append(error)
        except BusyError as error:  # the other PFs' VFs need not wait for this one's
            errors.append(error)
    if errors:
        raise errors[0]
    return GivenBack(tuple(returned), tuple(marked))


class _Return:
    """Returns one lease, whose PF is locked."""

    def __init__(self, node: Node, held: HeldPf, inventory: Inventory, lease: Lease) -> None:
        self._node = node
        self._held = held
        self._lease = lease
        self._inventory = inventory
        pf = inventory.find(lease.pf)
        self._pf = pf if isinstance(pf, PhysicalFunction) else None
        vfs = () if self._pf is None or self._pf.vfs is UNKNOWN else self._pf.vfs
        self._vf = next((vf for vf in vfs if vf.index == lease.index), None)

    def run(self) -> bool:
        """Return the lease; false if the PF may not be touched, and so it was marked."""
        quarantine = self._held.record().quarantined(self._node.boot)
        if quarantine:
            self._mark(f"{_STOPPED}, and its PF is in quarantine: {quarantine}")
            return False
        if self._pf is not None and self._pf.vfs is UNKNOWN:
            self._mark(f"{_STOPPED}, and the VFs of its PF cannot be listed")
            raise HostError("the VFs cannot be listed", where=f"PF {self._pf.address}")
        if self._vf is not None:
            self._check_closed(self._vf)
        life = LeaseLife(self._node, self._held, self._pf)
        life.give_back(self._lease, self._vf, _STOPPED)
        return True

    def _check_closed(self, vf: VirtualFunction) -> None:
        """Keep what a process has open still; an interface of the host's own is no guest's."""
        found = [
            one
            for one in self._inventory.signals[vf.address]
            if one.verdict is not Availability.FREE
        ]
        if not on_vfio(vf) or not found:
            return
        users = ", ".join(one.who for one in found if one.who) or "an unidentified process"
        self._mark(f"{_STOPPED}, and {users} has it open")
        raise CapacityError(
            "the VF is still open, so its lease is kept",
            where=f"VF {vf.index} ({vf.address})",
            found="; ".join(one.text for one in found),
            expected="closed: its VM has stopped",
        )

    def _mark(self, reason: str) -> None:
        self._held.mark(self._lease.index, reason, self._node.now())
