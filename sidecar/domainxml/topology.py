# SPDX-License-Identifier: Apache-2.0
"""A domain's PCI tree, as it would boot: buses, what sits on each, what is free."""

from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Bus, Place
from sidecar.domainxml.addressing.chipset import BUILT_IN
from sidecar.domainxml.addressing.inventory import Device, take_inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports, is_port, lay_out, pluggable
from sidecar.domainxml.addressing.machine import Machine, read_machine
from sidecar.domainxml.caption import Caption, DeviceKind, caption, clean
from sidecar.domainxml.document import parse_domain
from sidecar.model.ports import MachineFamily, PortCount


class Change(StrEnum):
    """What became of a bus or device between two states of a domain."""

    NONE = ""
    NEW = "new"
    MOVED = "moved"
    """A device that has another address than before."""
    EDITED = "edited"
    """A device that joined or left a team, a port that can be plugged now or no longer."""


class PortState(StrEnum):
    """What a PCIe port holds."""

    TAKEN = "taken"
    HELD = "held"
    """By placeholders: taken now, free when the domain boots."""
    FREE = "free"
    LOCKED = "locked"
    """Empty, but nothing can be plugged (``hotplug='off'``)."""


@dataclass(frozen=True, slots=True)
class PciDevice:
    """A device at its guest address.

    ``stands``: the domain itself gives the address; else libvirt will. ``implicit``: the
    domain does not even name the device. ``was``: its address before, if it moved.
    """

    place: Place
    caption: Caption
    stands: bool
    implicit: bool = False
    change: Change = Change.NONE
    was: Place | None = None


@dataclass(frozen=True, slots=True)
class PciBus:
    """A bus and its controller.

    Args:
        index: the controller's index, which is the bus number of guest addresses.
        model: the controller's model.
        place: where the controller sits; None for a host bridge.
        port: what the bus holds if it is that of a PCIe port, else None.
        pluggable: devices may come and go while the domain runs.
        free_slots: conventional slots that are empty.
        implicit: the domain does not name the controller, libvirt adds it.
        devices: by slot and function.
        buses: those whose controllers sit on this one, by slot and function.
        change: against the state before.
    """

    index: int
    model: str
    place: Place | None
    port: PortState | None
    pluggable: bool
    free_slots: int
    implicit: bool
    devices: tuple[PciDevice, ...]
    buses: tuple["PciBus", ...]
    change: Change = Change.NONE

    @property
    def slots(self) -> dict[int, list["PciDevice | PciBus"]]:
        """What sits on the bus, devices and controllers, by slot and function."""
        found: dict[int, list[PciDevice | PciBus]] = {}
        items: list[PciDevice | PciBus] = [*self.devices, *self.buses]
        for item in sorted(items, key=lambda item: item.place or Place(0, 0)):
            if item.place is not None:
                found.setdefault(item.place.slot, []).append(item)
        return found


@dataclass(frozen=True, slots=True)
class Topology:
    """A domain's PCI tree; ``roots`` is empty where there is no PCI."""

    name: str
    machine: Machine
    ports: PortCount
    roots: tuple[PciBus, ...]

    @property
    def buses(self) -> list[PciBus]:
        """All buses, each in front of those behind it."""
        found, rest = [], list(reversed(self.roots))
        while rest:
            bus = rest.pop()
            found.append(bus)
            rest.extend(reversed(bus.buses))
        return found

    @property
    def devices(self) -> list[PciDevice]:
        """All devices, bus by bus."""
        return [device for bus in self.buses for device in bus.devices]


def read_topology(domain: bytes) -> Topology:
    """Read the PCI tree of a domain; what has no address yet sits where libvirt will put it.

    Args:
        domain: domain XML, before or after libvirt read it.

    Raises:
        RequestError: the domain makes no sense.
        CapacityError: its buses cannot hold its devices.
    """
    root = parse_domain(domain)
    name, machine = clean(root.findtext("name") or ""), read_machine(root)
    if machine.family in {MachineFamily.CCW, MachineFamily.NONE}:
        return Topology(name, machine, PortCount(machine.family, 0, 0), ())
    return Topology(name, machine, *_read(root))


def _read(root: etree._Element) -> tuple[PortCount, tuple[PciBus, ...]]:
    layout = lay_out(take_inventory(root))
    return count_ports(layout), _Tree(layout).roots()


class _Tree:
    """Turns the flat layout into a tree."""

    def __init__(self, layout: Layout) -> None:
        self._buses = layout.buses.buses
        self._plugs = layout.inventory.machine.plugs
        self._controllers = {c.index: c for c in layout.controllers}
        self._places = {c.index: layout.places.get(c) for c in layout.controllers}
        self._devices: dict[int, list[PciDevice]] = {}
        for device in _devices(layout):
            self._devices.setdefault(device.place.bus, []).append(device)
        self._behind: dict[int | None, list[int]] = {}
        for index in range(len(self._buses)):
            place = self._places.get(index)
            self._behind.setdefault(None if place is None else place.bus, []).append(index)
        self._unseen = set(range(len(self._buses)))

    def roots(self) -> tuple[PciBus, ...]:
        """Build the host bridges, and all that is behind them."""
        roots = [self._build(index) for index in self._behind.get(None, ())]
        while self._unseen:
            # Controllers that sit behind each other; libvirt would refuse the domain.
            roots.append(self._build(min(self._unseen)))
        return tuple(roots)

    def _build(self, index: int) -> PciBus:
        self._unseen.discard(index)
        behind = [self._build(i) for i in self._behind.get(index, ()) if i in self._unseen]
        bus, controller = self._buses[index], self._controllers.get(index)
        devices = sorted(self._devices.get(index, ()), key=lambda device: device.place)
        return PciBus(
            index=index,
            model=bus.model,
            place=self._places.get(index),
            port=_port_state(bus, devices) if is_port(bus) else None,
            pluggable=self._plugs and bus.flags & connect.HOTPLUG != 0,
            free_slots=bus.free_slots() if bus.flags & connect.PCI and not bus.dedicated else 0,
            implicit=controller is None or controller.element is None,
            devices=tuple(devices),
            buses=tuple(sorted(behind, key=lambda child: child.place or Place(0, 0))),
        )


def _port_state(bus: Bus, devices: list[PciDevice]) -> PortState:
    if bus.taken:
        held = devices and all(d.caption.kind is DeviceKind.PLACEHOLDER for d in devices)
        return PortState.HELD if held else PortState.TAKEN
    return PortState.FREE if pluggable(bus) else PortState.LOCKED


def _devices(layout: Layout) -> list[PciDevice]:
    devices = [
        PciDevice(place, caption(owner), owner.place is not None, owner.element is None)
        for owner, place in layout.places.items()
        if isinstance(owner, Device)
    ]
    taken = {device.place for device in devices}
    for place, name in BUILT_IN.get(layout.inventory.machine.chipset, ()):
        if place not in taken:
            built_in = Caption(DeviceKind.CHIPSET, name, key=name)
            devices.append(PciDevice(place, built_in, stands=True, implicit=True))
    return devices
