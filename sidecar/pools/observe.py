# SPDX-License-Identifier: Apache-2.0
"""Everything that a decision about a PF rests on, read at one time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.errors import HostError
from sidecar.host.groups import shared_with
from sidecar.host.inventory import read_one_pf
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView
from sidecar.model.vf import (
    UNKNOWN,
    Evidence,
    Inventory,
    PhysicalFunction,
    Source,
    Verdict,
    VirtualFunction,
)
from sidecar.pools.context import Node
from sidecar.pools.rules.guard import Guest, weigh_libvirt, with_records
from sidecar.virt.connection import Libvirt
from sidecar.virt.guests import read_guests


@dataclass(frozen=True, slots=True)
class Guests:
    """Which running domains have which VFs; ``unknown`` says why that is not known."""

    by_vf: Mapping[PciAddress, Guest] = field(default_factory=dict)
    unknown: str = ""

    def weigh(self, vf: VirtualFunction) -> Evidence:
        """Return libvirt's word on a VF; what libvirt cannot be asked counts as in use."""
        if self.unknown:
            text = f"libvirt cannot be asked: {self.unknown}"
            return Evidence(Verdict.UNKNOWN, text, source=Source.LIBVIRT)
        return weigh_libvirt(self.by_vf.get(vf.address))


def observe_guests(libvirt: Libvirt) -> Guests:
    """Ask libvirt who has which VF; an answer that does not come is part of the result."""
    try:
        devices = read_guests(libvirt)
    except HostError as error:
        return Guests(unknown=str(error))
    return Guests(
        {device.vf: Guest(device.domain, device.state) for device in devices if device.live}
    )


def observe(node: Node, pf: PhysicalFunction, inventory: Inventory, guests: Guests) -> PfView:
    """Put together what is known of a PF.

    Args:
        node: the host.
        pf: the PF, of the inventory.
        inventory: as it was just read.
        guests: as libvirt just said.

    Raises:
        HostError: our own state cannot be read.
    """
    vfs = () if pf.vfs is UNKNOWN else pf.vfs
    leases = node.store.leases(pf.address)
    shared = {vf.address: shared_with(node.sysfs, vf.address) for vf in vfs}
    return PfView(
        pf=pf,
        usages={
            vf.address: with_records(
                inventory.usages[vf.address], guests.weigh(vf), leases.get(vf.index)
            )
            for vf in vfs
        },
        record=node.store.record(pf.address),
        boot=node.boot,
        leases=leases,
        shared_groups={address: others for address, others in shared.items() if others},
        up=_is_up(pf),
    )


def look_at(node: Node, address: PciAddress, libvirt: Libvirt) -> PfView:
    """Read everything about one PF anew.

    Raises:
        HostError: there is no such PF now, or something cannot be read.
    """
    inventory = read_one_pf(node.sysfs, address, node.proc)
    pf = inventory.find(address)
    if not isinstance(pf, PhysicalFunction):
        raise HostError(
            "there is no such PF",
            where=str(address),
            found="no function with SR-IOV at this address",
            todo="portside vf list shows them all",
        )
    return observe(node, pf, inventory, observe_guests(libvirt))


def _is_up(pf: PhysicalFunction) -> bool | None:
    """Tell whether the PF can carry VFs: unknown is no reason to touch its link."""
    if pf.interfaces is UNKNOWN or not pf.interfaces:
        return None
    first = pf.interfaces[0].up
    return None if first is UNKNOWN else first
