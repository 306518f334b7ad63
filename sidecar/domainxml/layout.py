# SPDX-License-Identifier: Apache-2.0
"""Where libvirt will put every device: its two passes, in Python.

Source: libvirt ``src/qemu/qemu_domain_address.c`` (``qemuDomainAssignPCIAddresses``): a dry
run finds out which buses have to be added, then the addresses are given for good. The tests
in ``tests/oracle`` hold this against real libvirts.

libvirt 11.3 sorts the controllers that it adds among the others, 9.0 appends them (so that an
index left out by the XML gets a later address on bus 0 there). This is the newer way; counts of
ports are the same.
"""

from dataclasses import dataclass, field

from sidecar.domainxml import chipset, connect
from sidecar.domainxml.address import describe
from sidecar.domainxml.buses import Bus, BusSet, Place
from sidecar.domainxml.controllers import PciController
from sidecar.domainxml.inventory import Device, Inventory
from sidecar.domainxml.machine import Chipset
from sidecar.errors import RequestError
from sidecar.model.ports import MachineFamily, PortCount


@dataclass(slots=True)
class Layout:
    """A domain's buses and devices once all have their addresses.

    ``added`` are the controllers that the domain does not define yet.
    """

    inventory: Inventory
    buses: BusSet
    places: dict[Device | PciController, Place] = field(default_factory=dict)
    added: list[PciController] = field(default_factory=list)

    @property
    def controllers(self) -> list[PciController]:
        """All PCI controllers, by index."""
        return sorted([*self.inventory.controllers, *self.added], key=lambda c: c.index)


def lay_out(inventory: Inventory) -> Layout:
    """Compute the addresses that libvirt will give.

    Raises:
        RequestError: two devices claim one address, or an address is on no slot of its bus.
        CapacityError: the buses cannot hold the devices.
    """
    dry = _dry_run(inventory)
    if _is_final(dry):
        dry.places.update((c, c.place) for c in dry.added if c.place is not None)
        return dry
    added = [PciController(c.index, c.model) for c in dry.added]
    layout = Layout(inventory, _collect(inventory, added), added=added)
    chipset.place_integrated(inventory, layout.buses, layout.places)
    _assign(layout)
    return layout


def count_ports(layout: Layout) -> PortCount:
    """Count ports (PCIe) or slots (PCI), and those that are free and can be plugged."""
    family = layout.inventory.machine.family
    if family is MachineFamily.PCIE:
        ports = [b for b in layout.buses.buses if b.flags & connect.AUTOASSIGN and is_port(b)]
        return PortCount(family, len(ports), sum(pluggable(bus) for bus in ports))
    if family is MachineFamily.PCI:
        slots = [b for b in layout.buses.buses if b.flags & connect.PCI and not b.dedicated]
        total = sum(b.spec.last_slot - b.spec.first_slot + 1 for b in slots)
        return PortCount(family, total, count_slots(layout))
    return PortCount(family, 0, 0)


def count_slots(layout: Layout) -> int:
    """Count the conventional slots that are free and can be plugged."""
    if not layout.inventory.machine.plugs:
        return 0
    wanted = connect.PCI | connect.HOTPLUG
    return sum(
        bus.free_slots()
        for bus in layout.buses.buses
        if bus.flags & wanted == wanted and not bus.dedicated
    )


def is_port(bus: Bus) -> bool:
    """Whether the bus is the single slot behind a root or downstream port."""
    return bus.model in {"pcie-root-port", "pcie-switch-downstream-port"}


def pluggable(bus: Bus) -> bool:
    """Whether libvirt would plug a device into this port now."""
    return not bus.taken and pluggable_bus(bus)


def pluggable_bus(bus: Bus) -> bool:
    """Whether devices may come and go there, if there is room."""
    return bus.flags & connect.HOTPLUG != 0


def _is_final(dry: Layout) -> bool:
    """Whether the second pass would only repeat the dry run.

    It does if just root ports were added, behind all controllers that the domain defines, and
    nothing integrated competes with them for bus 0.
    """
    inventory = dry.inventory
    last = inventory.controllers[-1].index if inventory.controllers else -1
    return (
        inventory.express
        and all(c.model == "pcie-root-port" and c.index > last for c in dry.added)
        and not any(
            device.wanted and (device.function is not None or device.flags & connect.INTEGRATED)
            for device in inventory.devices
        )
    )


def _dry_run(inventory: Inventory) -> Layout:
    """Find the controllers that libvirt adds."""
    layout = Layout(inventory, _collect(inventory, []))
    highest = len(layout.buses.buses) - 1
    defined = {controller.index for controller in inventory.controllers}
    last_defined = max(defined, default=-1)
    chipset.place_integrated(inventory, layout.buses, layout.places)
    if inventory.machine.family is MachineFamily.PCI and any(
        not bus.full for bus in layout.buses.buses
    ):
        layout.buses.assign(connect.CONVENTIONAL_DEVICE)
    _assign(layout, dry=True)
    grew = len(layout.buses.buses) > last_defined + 1
    if inventory.express and last_defined <= 0 and (grew or highest > last_defined):
        # Only a domain that leaves all controllers to libvirt gets a spare port.
        layout.buses.ensure_room(connect.EXPRESS_DEVICE)
    layout.added = add_controllers(layout.buses, defined)
    return layout


def add_controllers(buses: BusSet, defined: set[int]) -> list[PciController]:
    """Make a controller for each bus that has none, and find room for it.

    Raises:
        CapacityError: bus 0 and its expanders are full.
    """
    added = []
    for index, bus in enumerate(buses.buses):
        if index in defined:
            continue
        controller = PciController(index, bus.model)
        if bus.spec.plugs_into:
            controller.place = buses.assign(bus.spec.plugs_into)
        added.append(controller)
    return added


def _collect(inventory: Inventory, added: list[PciController]) -> BusSet:
    """Make the buses and take the addresses that are given."""
    controllers = {c.index: c for c in (*inventory.controllers, *added)}
    fill = "pcie-root-port" if inventory.express else "pci-bridge"
    pseries = inventory.machine.chipset is Chipset.PSERIES
    buses = BusSet(
        [
            _bus(controllers.get(index), "pci-root" if pseries else fill)
            for index in range(max(controllers, default=-1) + 1)
        ],
        multiple_roots=pseries,
    )
    owners: dict[Place, Device | PciController] = {}
    for device in inventory.devices:
        if device.place is not None and not chipset.is_reserved_place(device):
            _take(buses, device, device.flags or connect.PCI, owners)
            if device.kind == "hostdev" and device.place.bus:
                buses.buses[device.place.bus].dedicated = pseries
    for controller in inventory.controllers:
        if controller.place is not None and controller.index:
            spec = connect.BUS_MODELS[controller.model]
            _take(buses, controller, spec.plugs_into, owners)
    return buses


def _bus(controller: PciController | None, fill: str) -> Bus:
    if controller is None:
        return Bus(fill)
    return Bus(controller.model, pluggable=controller.pluggable)


def _take(
    buses: BusSet,
    owner: Device | PciController,
    flags: int,
    owners: dict[Place, Device | PciController],
) -> None:
    place = owner.place
    if place is None:
        return
    other = owners.setdefault(place, owner)
    if other is not owner and other.element is not None and owner.element is not None:
        raise RequestError(
            "two devices claim one PCI address",
            where=f"domain XML, {describe(other.element)} and {describe(owner.element)}",
            found=str(place),
        )
    buses.occupy(place, flags)
    bus = buses.buses[place.bus]
    if owner.element is not None and not bus.has_slot(place.slot):
        raise RequestError(
            "a PCI address names a slot that its bus does not have",
            where=f"domain XML, {describe(owner.element)}",
            found=f"{place}, on a {bus.model}",
            expected=f"slot {bus.spec.first_slot:#x} to {bus.spec.last_slot:#x}",
        )


def _assign(layout: Layout, *, dry: bool = False) -> None:
    """Give an address to everything that still wants one.

    In the dry run USB 2 companions do not find each other, for addresses that are only
    tried are not remembered; each then reserves a slot of its own.
    """
    buses, places = layout.buses, layout.places
    known = dict(places) if dry else places
    for controller in layout.controllers:
        spec = connect.BUS_MODELS[controller.model]
        if controller.place is not None:
            places[controller] = controller.place
        elif spec.plugs_into and controller not in places:
            places[controller] = buses.assign(spec.plugs_into)
    for device in layout.inventory.devices:
        if device.place is not None:
            places[device] = device.place
        elif device.wanted and device not in places:
            shared = _companion_slot(layout.inventory, device, known)
            if shared is not None:
                buses.occupy(shared, device.flags)
            places[device] = shared or buses.assign(device.flags, function=device.function)


def _companion_slot(
    inventory: Inventory, device: Device, known: dict[Device | PciController, Place]
) -> Place | None:
    """Find the slot that the companions of a USB 2 controller already have."""
    if device.function is None:
        return None
    for other in inventory.devices:
        place = known.get(other) or other.place
        companion = other.function is not None and other.index == device.index
        if companion and place is not None:
            return Place(place.bus, place.slot, device.function)
    return None
