# SPDX-License-Identifier: Apache-2.0
"""Leases by hand: shown beside what is seen of their VFs, and cleared where nobody has one."""

from collections.abc import Collection
from dataclasses import dataclass

from sidecar.host.inventory import read_inventory
from sidecar.model.availability import Assessment
from sidecar.model.lease import Lease
from sidecar.model.missing import find_vf, no_lease
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, Unknown, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.lease_life import LeaseLife
from sidecar.pools.observe import ask_guests, observe, observe_host
from sidecar.pools.rules.clearable import LeaseView, check_clear
from sidecar.pools.rules.stale import name_waiting


@dataclass(frozen=True, slots=True)
class VfPlace:
    """A VF by its PF and number, which name it also while it is not there."""

    pf: PciAddress
    index: int

    def __str__(self) -> str:
        return f"VF {self.index} of {self.pf}"


@dataclass(frozen=True, slots=True)
class ListedLease:
    """A lease, its VF, and whether that may be taken: both ``None`` if it is not there."""

    lease: Lease
    vf: VirtualFunction | Unknown | None
    assessment: Assessment | None


def list_leases(node: Node, *, every: bool = False) -> tuple[ListedLease, ...]:
    """Return all leases by PF and number; what is free only if ``every`` VF is meant.

    Raises:
        HostError: records or PCI devices cannot be read.
    """
    seen = observe_host(node, ask_guests(node))
    leases = {VfPlace(one.pf, one.index): one for one in node.store.all_leases()}
    for view in seen.views.values():
        for vf in view.vfs:
            place = VfPlace(vf.physfn, vf.index)
            leases.setdefault(place, Lease(vf.physfn, vf.index))
    listed = sorted(leases.items(), key=lambda item: (item[0].pf, item[0].index))
    there, assessments = node.sysfs.functions(), seen.assessments
    found = (
        (lease, _find_vf(seen.inventory, place, there))
        for place, lease in listed
        if every or not lease.free
    )
    return tuple(
        ListedLease(
            lease, vf, assessments.get(vf.address) if isinstance(vf, VirtualFunction) else None
        )
        for lease, vf in found
    )


def show_lease(node: Node, which: PciAddress | VfPlace) -> LeaseView:
    """Return a VF's lease, a free one if there is none, and what is seen of the VF.

    Raises:
        RequestError: there is no lease of it, and no such VF.
        CapacityError: there is no VF at the address.
        HostError: records or PCI devices cannot be read.
    """
    place = _locate(node, which)
    view = _look(node, place)
    if view.vf is None and not _recorded(node, place):
        raise no_lease(str(place))
    return view


def clear_lease(node: Node, which: PciAddress | VfPlace, *, stale: bool = False) -> Lease:
    """Free a VF that nobody has, and take back what was set for its holder.

    Args:
        node: the host.
        which: VF.
        stale: also if it is leased, by a domain that no longer has it.

    Returns:
        the lease as it was.

    Raises:
        RequestError: there is no such lease.
        CapacityError: there is no such VF; somebody has it, is to have it, or may have it.
        BusyError: another command works on the PF.
        HostError: cannot determine whether the VF exists; a setting does not come back, and
            the lease is to be inspected; or records or PCI devices cannot be read.
    """
    place = _locate(node, which)
    if not _recorded(node, place):  # a lock would make a folder for it
        raise no_lease(str(place))
    with node.store.lock(place.pf) as held:
        # Under the lock nobody else of ours can take the VF between this look and the end.
        view = _look(node, place)
        check_clear(view, stale=stale)
        vf = view.vf if isinstance(view.vf, VirtualFunction) else None
        LeaseLife(node, held, _find_pf(node, place)).give_back(
            view.lease, vf, "cleared by portside lease clear"
        )
    return view.lease


def _find_pf(node: Node, place: VfPlace) -> PhysicalFunction | None:
    pf = read_inventory(node.sysfs, node.proc).find(place.pf)
    return pf if isinstance(pf, PhysicalFunction) else None


def _locate(node: Node, which: PciAddress | VfPlace) -> VfPlace:
    if isinstance(which, VfPlace):
        return which
    vf = find_vf(read_inventory(node.sysfs, node.proc), which)
    return VfPlace(vf.physfn, vf.index)


def _recorded(node: Node, place: VfPlace) -> bool:
    return place.index in node.store.leases(place.pf)


def _look(node: Node, place: VfPlace) -> LeaseView:
    guests = ask_guests(node)
    inventory, there = read_inventory(node.sysfs, node.proc), node.sysfs.functions()
    lease = node.store.leases(place.pf).get(place.index) or Lease(place.pf, place.index)
    pf, vf = inventory.find(place.pf), _find_vf(inventory, place, there)
    view = observe(node, pf, inventory, guests) if isinstance(pf, PhysicalFunction) else None
    return LeaseView(
        lease,
        vf,
        view.assess(vf) if view is not None and isinstance(vf, VirtualFunction) else None,
        name_waiting(guests, lease, vf, there),
        guests.unknown,
        "" if view is None else view.quarantine,
    )


def _find_vf(
    inventory: Inventory, place: VfPlace, there: Collection[str]
) -> VirtualFunction | Unknown | None:
    """Return the VF; a PF that is gone from the bus has none, and took them with it."""
    pf = inventory.find(place.pf)
    if not isinstance(pf, PhysicalFunction):
        return UNKNOWN if str(place.pf) in there else None
    if pf.vfs is UNKNOWN:
        return UNKNOWN
    return next((vf for vf in pf.vfs if vf.index == place.index), None)
