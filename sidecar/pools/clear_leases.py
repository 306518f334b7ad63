# SPDX-License-Identifier: Apache-2.0
"""Leases by hand: shown beside what is seen of their VFs, and cleared where nobody has one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sidecar.errors import HostError, RequestError
from sidecar.host.inventory import read_inventory
from sidecar.model.guest import GuestDevice
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, Unknown, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.observe import Guests, observe, observe_guests
from sidecar.pools.rules.clearable import LeaseView, check_clear
from sidecar.pools.rules.restore import settings_to_undo
from sidecar.pools.set_vf import pf_interface
from sidecar.virt.guests import read_guests


@dataclass(frozen=True, slots=True)
class VfPlace:
    """A VF by its PF and number, which name it also while it is not there."""

    pf: PciAddress
    index: int

    def __str__(self) -> str:
        return f"VF {self.index} of {self.pf}"


@dataclass(frozen=True, slots=True)
class ListedLease:
    """A lease, and its VF: ``None`` if it is not there."""

    lease: Lease
    vf: VirtualFunction | Unknown | None


def list_leases(node: Node, *, every: bool = False) -> tuple[ListedLease, ...]:
    """Return all leases by PF and number; what is free only if ``every`` VF is meant.

    Raises:
        HostError: records or PCI devices cannot be read.
    """
    inventory = read_inventory(node.sysfs, node.proc)
    leases = {VfPlace(one.pf, one.index): one for one in node.store.all_leases()}
    for pf in inventory.pfs:
        for vf in () if pf.vfs is UNKNOWN else pf.vfs:
            leases.setdefault(VfPlace(pf.address, vf.index), Lease(pf.address, vf.index))
    listed = sorted(leases.items(), key=lambda item: (item[0].pf, item[0].index))
    there = node.sysfs.functions()
    return tuple(
        ListedLease(lease, _find_vf(inventory, place, there))
        for place, lease in listed
        if every or not lease.free
    )


def show_lease(node: Node, which: PciAddress | VfPlace) -> LeaseView:
    """Return a VF's lease, a free one if there is none, and what is seen of the VF.

    Raises:
        RequestError: neither such a VF nor a lease of it.
        HostError: records or PCI devices cannot be read.
    """
    place = _locate(node, which)
    view = _look(node, place)
    if view.vf is None and not _recorded(node, place):
        raise _no_lease(place)
    return view


def clear_lease(node: Node, which: PciAddress | VfPlace, *, stale: bool = False) -> Lease:
    """Free a VF that nobody has, and take back what was set for its holder.

    Args:
        node: the host.
        which: VF.
        stale: also if it is leased, by a domain that has it no more.

    Returns:
        the lease as it was.

    Raises:
        RequestError: there is no such lease.
        CapacityError: somebody has the VF, is to have it, or may have it.
        HostError: nobody can tell whether the VF is there; a setting does not come back, and
            the lease is to be inspected; or records or PCI devices cannot be read.
    """
    place = _locate(node, which)
    if not _recorded(node, place):  # a lock would make a folder for it
        raise _no_lease(place)
    with node.store.lock(place.pf) as held:
        # Under the lock nobody else of ours can take the VF between this look and the end.
        view = _look(node, place)
        check_clear(view, stale=stale)
        if view.lease.state is not LeaseState.INSPECT:
            held.mark(place.index, f"clearing it as stale, once {view.lease.holder}'s", node.now())
        _set_back(node, view)
        held.clear(place.index, node.now())
    return view.lease


def _locate(node: Node, which: PciAddress | VfPlace) -> VfPlace:
    if isinstance(which, VfPlace):
        return which
    vf = read_inventory(node.sysfs, node.proc).find(which)
    if isinstance(vf, VirtualFunction):
        return VfPlace(vf.physfn, vf.index)
    raise RequestError(
        "no VF at this address",
        where=str(which),
        found="a PF" if vf is not None else "nothing with SR-IOV",
        todo="Name a VF that is not there by its PF and number, like 0000:01:00.0:3; "
        "portside lease list shows them",
    )


def _recorded(node: Node, place: VfPlace) -> bool:
    return place.index in node.store.leases(place.pf)


def _no_lease(place: VfPlace) -> RequestError:
    return RequestError(
        "there is no lease of this VF", where=str(place), todo="portside lease list shows all"
    )


def _look(node: Node, place: VfPlace) -> LeaseView:
    guests, devices = _ask_libvirt(node)
    inventory, there = read_inventory(node.sysfs, node.proc), node.sysfs.functions()
    lease = node.store.leases(place.pf).get(place.index) or Lease(place.pf, place.index)
    pf, vf = inventory.find(place.pf), _find_vf(inventory, place, there)
    promised = UNKNOWN if guests.unknown else _promised(devices, vf, lease, there)
    if not isinstance(pf, PhysicalFunction):
        return LeaseView(lease, vf, None, promised)
    sight = observe(node, pf, inventory, guests)
    usage = sight.usage(vf) if isinstance(vf, VirtualFunction) else None
    return LeaseView(lease, vf, usage, promised, sight.quarantine)


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


def _ask_libvirt(node: Node) -> tuple[Guests, Sequence[GuestDevice]]:
    """Ask who has which VF, and whose XML names which; no answer is an answer too."""
    try:
        with node.libvirt() as libvirt:
            return observe_guests(libvirt), read_guests(libvirt)
    except HostError as error:
        return Guests(unknown=str(error)), ()


def _promised(
    devices: Sequence[GuestDevice],
    vf: VirtualFunction | Unknown | None,
    lease: Lease,
    there: Collection[str],
) -> str:
    """Return the domain whose XML names the VF.

    The address of a VF that is not there is not known; so any device of its holder counts
    that is not there either.
    """
    if isinstance(vf, VirtualFunction):
        named = [one.domain for one in devices if one.vf == vf.address]
    else:
        owner = "" if lease.holder is None else lease.holder.uid
        named = [one.domain for one in devices if one.uuid == owner and str(one.vf) not in there]
    return named[0] if named else ""


def _set_back(node: Node, view: LeaseView) -> None:
    """Take back what was set for the holder: a MAC address must not stand twice."""
    vf, wanted = view.vf, view.lease.settings
    if not isinstance(vf, VirtualFunction) or wanted.asks_nothing:
        return
    pf = read_inventory(node.sysfs, node.proc).find(vf.physfn)
    if not isinstance(pf, PhysicalFunction):
        raise HostError("the PF is gone", where=str(vf.physfn))
    name = pf_interface(pf)
    back = settings_to_undo(wanted, VfSettings(), vf.address)
    back = back.beyond(node.links.read_settings(name, vf.index))
    if not back.asks_nothing:
        node.links.apply_settings(name, vf.index, back, where=view.name)
