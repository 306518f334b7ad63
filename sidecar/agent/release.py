# SPDX-License-Identifier: Apache-2.0
"""PostVMStop: returns the VFs of a VMI, and only those that are leased to this very one.

KubeVirt repeats the call. The MAC address stays on the VF until the next lease sets one: most
drivers take none away. A VLAN goes: the next guest must not find itself in it.
"""

from dataclasses import dataclass
from itertools import groupby

from sidecar.agent.prepare import LOCK_SECONDS
from sidecar.agent.vf_requests import holder_of
from sidecar.errors import CapacityError, HostError, PortsideError
from sidecar.host.inventory import read_inventory
from sidecar.host.usage import on_vfio
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.state.store import HeldPf
from sidecar.vmi.request import parse_identity


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
        ApiError: another command works on the PF.
    """
    holder = holder_of(parse_identity(vmi))
    mine = node.store.leases_of(holder)  # by PF and number
    returned: list[str] = []
    marked: list[str] = []
    errors: list[PortsideError] = []
    for pf, leases in groupby(mine, key=lambda lease: lease.pf):
        with node.store.lock(pf, seconds=LOCK_SECONDS) as held:
            inventory = read_inventory(node.sysfs, node.proc)
            for known in leases:
                lease = held.leases().get(known.index)
                if lease is None or lease.holder != holder:
                    continue  # returned meanwhile, by a call that was faster
                try:
                    done = _Return(node, held, inventory, lease).run()
                except PortsideError as error:
                    errors.append(error)
                    done = False
                (returned if done else marked).append(f"{pf} VF {lease.index}")
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
        quarantine = self._held.record().quarantine
        if quarantine:
            self._mark(f"its VM has stopped, and its PF is in quarantine: {quarantine}")
            return False
        if self._vf is not None:
            self._check_closed(self._vf)
        try:
            if self._pf is not None and self._pf.vfs is UNKNOWN:
                raise HostError("the VFs cannot be listed", where=f"PF {self._pf.address}")
            self._set_back()
        except PortsideError as error:
            self._mark(f"its VM has stopped, and it could not be set back: {error}")
            raise
        self._finish()
        return True

    def _check_closed(self, vf: VirtualFunction) -> None:
        """Keep what a process has open still; an interface of the host's own is no guest's."""
        usage = self._inventory.usages[vf.address]
        if not on_vfio(vf) or usage.free:
            return
        users = ", ".join(usage.users) or "an unknown process"
        self._mark(f"its VM has stopped, and {users} has it open")
        raise CapacityError(
            "the VF is still open, so its lease is kept",
            where=f"VF {vf.index} ({vf.address})",
            found="; ".join(one.text for one in usage.evidence),
            expected="closed: its VM has stopped",
        )

    def _set_back(self) -> None:
        """Take the VLAN away that was set for this holder; a VF that is gone has lost it."""
        vlan = self._lease.settings.vlan
        if vlan is None or vlan.id == 0 or self._vf is None or self._pf is None:
            return
        where = f"VF {self._vf.index} ({self._vf.address})"
        if self._pf.interfaces is UNKNOWN or not self._pf.interfaces:
            raise HostError("the PF has no network interface here", where=where)
        name = self._pf.interfaces[0].name
        self._node.links.apply_settings(
            name, self._vf.index, VfSettings(vlan=PortVlan(0)), where=where
        )

    def _finish(self) -> None:
        lease = self._lease
        if lease.state is LeaseState.INSPECT:
            self._held.clear(lease.index, self._node.now())
            return
        returning = self._held.begin_return(lease, lease.generation, self._node.now())
        self._held.finish_return(returning, self._node.now())

    def _mark(self, reason: str) -> None:
        self._held.mark(self._lease.index, reason, self._node.now())
