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

from sidecar.domainxml.address import describe
from sidecar.domainxml.addressing import chipset, connect
from sidecar.domainxml.addressing.buses import Bus, BusSet, Place
from sidecar.domainxml.addressing.controllers import PciController, insert_controller
from sidecar.domainxml.addressing.inventory import Device, Inventory
from sidecar.domainxml.addressing.machine import Chipset
from sidecar.domainxml.addressing.reserved import ReservedAddresses
from sidecar.errors import RequestError
from sidecar.model.ports import MachineFamily, PortCount


@dataclass(slots=True)
class Layout:
    """A domain's buses and devices once all have their addresses.

    ``added`` are the controllers that the domain does not define yet. ``shifted`` are devices
    that libvirt moves from the address in the XML to another (``BusSet.reach``).
    """

    inventory: Inventory
    buses: BusSet
    places: dict[Device | PciController, Place] = field(default_factory=dict)
    added: list[PciController] = field(default_factory=list)
    shifted: dict[Device | PciController, Place] = field(default_factory=dict)

    @property
    def controllers(self) -> list[PciController]:
        """All PCI controllers, in libvirt's order: by index, but for those that have none."""
        found = list(self.inventory.controllers)
        for controller in self.added:
            insert_controller(found, controller)
        return found


def lay_out(inventory: Inventory) -> Layout:
    """Compute the addresses that libvirt will give.

    Raises:
        RequestError: two devices claim one address, or an address is on no slot of its bus.
        CapacityError: the buses cannot hold the devices.
    """
    dry, reserved, usual = _dry_run(inventory)
    if usual and _is_final(dry):
        chipset.reserve_sata(inventory, reserved)
        _check_bridges(dry)
        dry.places.update((c, c.place) for c in dry.added if c.place is not None)
        return dry
    added = [PciController(c.index, c.model) for c in dry.added]
    layout = Layout(inventory, _make_buses(inventory, added), added=added, shifted=dry.shifted)
    layout.buses.frozen = True
    reserved = _collect(layout)
    chipset.reserve_sata(inventory, reserved)
    chipset.place_integrated(inventory, reserved, layout.places)
    _assign(layout, reserved)
    layout.buses.frozen = False
    _check_bridges(layout)
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
    last = max((controller.index for controller in inventory.controllers), default=-1)
    return (
        inventory.express
        and all(c.model == "pcie-root-port" and c.index > last for c in dry.added)
        and not any(
            device.wanted and (device.function is not None or device.flags & connect.INTEGRATED)
            for device in inventory.devices
        )
    )


def _dry_run(inventory: Inventory) -> tuple[Layout, ReservedAddresses, bool]:
    """Find the controllers that libvirt adds."""
    layout = Layout(inventory, _make_buses(inventory, []))
    defined = {controller.index for controller in inventory.controllers}
    last_defined = max(defined, default=-1)
    reserved = _collect(layout)
    usual = chipset.place_integrated(inventory, reserved, layout.places)
    if not usual:
        # Only tried: it takes a second slot below.
        video = next(device for device in inventory.devices if device.kind == "video")
        del layout.places[video]
    if inventory.machine.family is MachineFamily.PCI and any(
        not bus.full for bus in layout.buses.buses
    ):
        layout.buses.assign(connect.CONVENTIONAL_DEVICE)
    _assign(layout, reserved, dry=True)
    grew = len(layout.buses.buses) > last_defined + 1
    if inventory.express and last_defined <= 0 and grew:
        # Only a domain that leaves all controllers to libvirt gets a spare port.
        layout.buses.ensure_room(connect.EXPRESS_DEVICE)
    layout.added = add_controllers(layout.buses, defined)
    return layout, reserved, usual


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


def _make_buses(inventory: Inventory, added: list[PciController]) -> BusSet:
    """Make a bus for each controller, and for each index in between."""
    controllers = {c.index: c for c in (*inventory.controllers, *added)}
    fill = "pcie-root-port" if inventory.express else "pci-bridge"
    pseries = inventory.machine.chipset is Chipset.PSERIES
    return BusSet(
        [
            _bus(controllers.get(index), "pci-root" if pseries else fill, inventory.pluggable)
            for index in range(max(controllers, default=-1) + 1)
        ],
        multiple_roots=pseries,
        pluggable=inventory.pluggable,
    )


def _bus(controller: PciController | None, fill: str, board_plugs: bool) -> Bus:  # noqa: FBT001 - private
    if controller is None:
        return Bus(fill, pluggable=board_plugs)
    return Bus(controller.model, pluggable=controller.pluggable and board_plugs)


def _collect(layout: Layout) -> ReservedAddresses:
    """Take the addresses that the domain gives, in libvirt's order: buses grow by it."""
    inventory, buses = layout.inventory, layout.buses
    reserved = ReservedAddresses(buses)
    pseries = inventory.machine.chipset is Chipset.PSERIES
    for owner in inventory.in_parsed_order():
        place = layout.shifted.get(owner, owner.place)
        if place is None:
            continue
        if isinstance(owner, PciController):
            if owner.index:
                _claim(layout, reserved, owner, connect.BUS_MODELS[owner.model].plugs_into)
            continue
        if chipset.is_piix3(owner):
            _check_piix3(owner, buses)
            continue
        # A device that takes no PCI address may name one all the same.
        _claim(layout, reserved, owner, owner.flags or connect.PCI)
        if owner.kind == "hostdev" and place.bus:
            buses.buses[place.bus].dedicated = pseries
    return reserved


def _claim(
    layout: Layout, reserved: ReservedAddresses, owner: Device | PciController, flags: int
) -> None:
    place = layout.shifted.get(owner, owner.place)
    if place is None:
        return
    real = reserved.reserve(place, flags, owner)
    if real != place:
        layout.shifted[owner] = real


def _check_piix3(device: Device, buses: BusSet) -> None:
    if device.element is not None and not buses.buses[0].flags & connect.PCI:
        raise RequestError(
            "only a board with conventional PCI has this controller at this address",
            where=f"domain XML, {describe(device.element)}",
            found=str(device.place),
            expected="another address, or none",
        )


def _check_bridges(layout: Layout) -> None:
    """Hold each PCI bridge behind the bus that it sits on, as libvirt demands."""
    for controller in layout.controllers:
        place = layout.places.get(controller)
        if controller.model == "pci-bridge" and place and controller.index <= place.bus:
            element = controller.element
            raise RequestError(
                "a PCI bridge has an index lower than that of its bus",
                where="domain XML, "
                + (f"controller {controller.index}" if element is None else describe(element)),
                found=f"index {controller.index}, at {place}",
                expected=f"an index above {place.bus}",
            )


def _assign(layout: Layout, reserved: ReservedAddresses, *, dry: bool = False) -> None:
    """Give an address to everything that still wants one.

    In the dry run USB 2 companions do not find each other, for addresses that are only
    tried are not remembered; each then reserves a slot of its own.
    """
    buses, places = layout.buses, layout.places
    known = dict(places) if dry else places
    for controller in layout.controllers:
        spec = connect.BUS_MODELS[controller.model]
        if controller.place is not None:
            places[controller] = layout.shifted.get(controller, controller.place)
        elif spec.plugs_into and controller not in places:
            places[controller] = buses.assign(spec.plugs_into)
    for device in layout.inventory.devices:
        if device.place is not None:
            places[device] = layout.shifted.get(device, device.place)
        elif device.wanted and device not in places:
            shared = _companion_slot(layout.inventory, device, known)
            if shared is not None:
                reserved.reserve(shared, device.flags, device)
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
