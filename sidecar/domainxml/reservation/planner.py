# SPDX-License-Identifier: Apache-2.0
"""The source of controllers that needs nothing: libvirt's rules in Python."""

from dataclasses import dataclass

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Bus, BusSet, Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import Inventory
from sidecar.domainxml.addressing.layout import Layout, add_controllers, lay_out
from sidecar.errors import CapacityError

_DRY_RUN_SLOTS = 4
"""libvirt's dry run sets a slot aside and counts USB 2 companions one by one (3 too many);
a bus that is full by less gets a bridge from libvirt, in front of every device."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans in memory; takes well under a millisecond.

    ``by_launcher``: plan where the ports go, but let virt-launcher's libvirt make them from
    placeholders wherever another call of the hook is certain (the launcher source).
    """

    by_launcher: bool = False

    def lay_out(self, inventory: Inventory) -> Layout:
        """Tell where each device will be; see ``ControllerSource``."""
        return lay_out(inventory)

    def extend(self, layout: Layout, ports: int) -> list[Place]:
        """Place so many pluggable placeholders behind all devices; see ``ControllerSource``."""
        device = connect.EXPRESS_DEVICE
        if not layout.inventory.express:
            device = connect.CONVENTIONAL_DEVICE
            _add_bridges(layout, ports)
        if layout.buses.pluggable:
            device |= connect.HOTPLUG
        places = [layout.buses.assign(device) for _ in range(ports)]
        defined = {controller.index for controller in layout.controllers}
        layout.added += add_controllers(layout.buses, defined)
        return places


def _add_bridges(layout: Layout, slots: int) -> None:
    """Add conventional bridges until so many slots are free.

    A bridge sits in a slot itself, on a bus of a lower index, so it goes in before the slots
    are used up. pSeries grows by host bridges instead, which need no slot.
    """
    buses = layout.buses
    if buses.multiple_roots or not slots:
        return
    while _free_slots(buses) < slots + _DRY_RUN_SLOTS:
        if not any(b.flags & connect.PCI_BRIDGE and b.free_slots() for b in buses.buses):
            raise CapacityError(
                "no conventional slot is left, not even for a bridge",
                where="domain XML, <devices>",
                todo="Ask for fewer ports, or use machine type q35.",
            )
        place = buses.assign(connect.PCI_BRIDGE)
        layout.added.append(PciController(len(buses.buses), "pci-bridge", place=place))
        buses.buses.append(Bus("pci-bridge", pluggable=buses.pluggable))


def _free_slots(buses: BusSet) -> int:
    wanted = connect.PCI | (connect.HOTPLUG if buses.pluggable else 0)
    return sum(b.free_slots() for b in buses.buses if b.flags & wanted == wanted)
