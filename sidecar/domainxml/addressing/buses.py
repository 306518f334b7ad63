# SPDX-License-Identifier: Apache-2.0
"""PCI buses and who sits on them: libvirt's address set.

Source: libvirt ``src/conf/domain_addr.c`` (``virDomainPCIAddressGetNextAddr``,
``virDomainPCIAddressSetGrow``). Only the guest's PCI domain 0 exists.
"""

from typing import NamedTuple

from sidecar.domainxml.addressing import connect
from sidecar.errors import CapacityError

LAST_BUS = 255
"""A PCI bus number has eight bits."""

_ALL_FUNCTIONS = 0xFF


class Place(NamedTuple):
    """A guest PCI address in domain 0."""

    bus: int
    slot: int
    function: int = 0

    def __str__(self) -> str:
        return f"0000:{self.bus:02x}:{self.slot:02x}.{self.function}"


class Bus:
    """One bus: its controller's model, and which functions of which slots are taken.

    ``dedicated``: a pSeries host bridge of a host device, where libvirt puts nothing else.
    """

    __slots__ = ("_lowest", "aggregate", "dedicated", "flags", "model", "spec", "taken")

    def __init__(self, model: str, *, pluggable: bool = True) -> None:
        self.model = model
        self.spec = spec = connect.BUS_MODELS[model]
        self.flags = spec.accepts if pluggable else spec.accepts & ~connect.HOTPLUG
        self.taken: dict[int, int] = {}
        self.aggregate: set[int] = set()
        self.dedicated = False
        self._lowest = spec.first_slot

    @property
    def full(self) -> bool:
        """Whether every slot holds something."""
        return len(self.taken) > self.spec.last_slot - self.spec.first_slot

    def has_slot(self, slot: int) -> bool:
        """Whether there is such a slot at all."""
        return self.spec.first_slot <= slot <= self.spec.last_slot

    def free_slots(self) -> int:
        """Count the empty slots."""
        return self.spec.last_slot - self.spec.first_slot + 1 - len(self.taken)

    def find(self, flags: int, function: int | None) -> tuple[int, int] | None:
        """Find the first slot (and function) for a device with these connect flags."""
        wanted = function or 0
        if flags & connect.AGGREGATE:
            for slot in range(self.spec.first_slot, self.spec.last_slot + 1):
                mask = self.taken.get(slot, 0)
                if not mask:
                    return slot, wanted
                if slot in self.aggregate:
                    if not mask & (1 << wanted):
                        return slot, wanted
                    if function is None and mask != _ALL_FUNCTIONS:
                        return slot, next(f for f in range(8) if not mask & (1 << f))
            return None
        # Nothing is ever given back, so the search goes on where the last one ended.
        while self._lowest in self.taken:
            self._lowest += 1
        return (self._lowest, wanted) if self._lowest <= self.spec.last_slot else None

    def take(self, slot: int, function: int, flags: int) -> bool:
        """Occupy a function; tell whether it was free."""
        mask = self.taken.get(slot, 0)
        if not mask and flags & connect.AGGREGATE:
            self.aggregate.add(slot)
        self.taken[slot] = mask | (1 << function)
        return not mask & (1 << function)


class BusSet:
    """All buses of a domain, by index.

    Args:
        multiple_roots: the machine grows by further ``pci-root`` controllers (pSeries).
        pluggable: devices may be plugged while the domain runs, where a bus allows it.

    ``frozen``: no bus is added any more, as in libvirt's second pass.
    """

    __slots__ = ("_first_fit", "buses", "frozen", "multiple_roots", "pluggable")

    def __init__(
        self, buses: list[Bus], *, multiple_roots: bool = False, pluggable: bool = True
    ) -> None:
        self.buses = buses
        self.multiple_roots = multiple_roots
        self.pluggable = pluggable
        self.frozen = False
        self._first_fit: dict[int, int] = {}

    def occupy(self, place: Place, flags: int) -> bool:
        """Take a given address, growing the set if needed; tell whether it was free."""
        bus, slot, function = self.reach(place, flags)
        return self.buses[bus].take(slot, function, flags)

    def reach(self, place: Place, flags: int) -> Place:
        """Grow the set up to the bus of a given address; return the address that it becomes.

        Where a conventional device names the first bus behind a pure PCIe topology, that bus
        is the port of the bridge that it needs, and libvirt moves the device to the bridge.

        Raises:
            CapacityError: libvirt adds no bus for such a device.
        """
        count = place.bus - len(self.buses) + 1
        if count <= 0:
            return place
        if count == 1 and flags & connect.PCI and self._lacks_bridge():
            place = place._replace(bus=place.bus + 1)
        self._grow(place.bus, flags)
        return place

    def assign(self, flags: int, *, function: int | None = None) -> Place:
        """Take the next address that libvirt would choose, growing the set if needed.

        Raises:
            CapacityError: no bus accepts the device and none can be added for it.
        """
        place = self._find(flags, function)
        if place is None:
            index = self._grow(len(self.buses), flags)
            place = Place(index, self.buses[index].spec.first_slot, function or 0)
        self.buses[place.bus].take(place.slot, place.function, flags)
        return place

    def ensure_room(self, flags: int) -> None:
        """Grow by a bus unless a device with these connect flags would find a place."""
        if self._find(flags, None) is None:
            self._grow(len(self.buses), flags)

    def _find(self, flags: int, function: int | None) -> Place | None:
        # Nothing is ever given back, so a bus that was full for a kind of device stays so.
        start = self._first_fit.get(flags, 0)
        buses = self.buses
        for index in range(start, len(buses)):
            bus = buses[index]
            if not bus.dedicated and connect.accepts(bus.flags, flags, bus_is_root=index == 0):
                found = bus.find(flags, function)
                if found is not None:
                    self._first_fit[flags] = index
                    return Place(index, *found)
        self._first_fit[flags] = len(self.buses)
        return None

    def _grow(self, upto: int, flags: int) -> int:
        """Add buses up to index ``upto`` for a device; return the index of its bus."""
        if self.frozen or flags & connect.INTEGRATED:
            raise CapacityError(
                "no bus has room for the device, and libvirt adds none for it",
                where="domain XML, <devices>",
                todo="Remove devices from bus 0, or give them addresses elsewhere.",
            )
        if flags & connect.PCI:
            models = self._conventional(upto - len(self.buses) + 1)
        elif flags & (connect.PCIE | connect.UPSTREAM_PORT):
            models = ["pcie-root-port"] * (upto - len(self.buses) + 1)
        else:
            raise CapacityError(
                "no bus has room for a PCI controller, and libvirt adds none for it",
                where="domain XML, <devices>",
                todo="Remove PCI controllers or devices from bus 0.",
            )
        for model in models:
            self.buses.append(Bus(model, pluggable=self.pluggable))
        if "pcie-to-pci-bridge" in models:
            # The bridge's own port takes nothing else (virDomainPCIAddressSetGrow).
            self.buses[-len(models)].flags = connect.PCIE_TO_PCI_BRIDGE
        if len(self.buses) > LAST_BUS + 1:
            raise CapacityError(
                "the domain would need more PCI buses than there are bus numbers",
                where="domain XML, <devices>",
                found=str(len(self.buses)),
                expected=f"at most {LAST_BUS + 1}",
                todo="Ask for fewer ports.",
            )
        return len(self.buses) - 1

    def _conventional(self, count: int) -> list[str]:
        if self.multiple_roots:
            return ["pci-root"] * count
        if not self._lacks_bridge():
            return ["pci-bridge"] * count
        # A pure PCIe topology: the new bridge needs a root port of its own, in front of it.
        return ["pcie-root-port", "pcie-to-pci-bridge", *["pci-bridge"] * (count - 2)]

    def _lacks_bridge(self) -> bool:
        """Whether a conventional bus needs a ``pcie-to-pci-bridge`` before all others."""
        return not self.multiple_roots and not any(
            bus.flags & connect.PCI_BRIDGE for bus in self.buses
        )
