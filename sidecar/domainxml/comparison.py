# SPDX-License-Identifier: Apache-2.0
"""Two states of a domain's PCI tree: what is new, what moved, what is gone."""

from dataclasses import dataclass, replace

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.topology import Change, PciBus, PciDevice, Topology


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two states of a domain; the later one tells what changed.

    ``gone`` are devices that the later state no longer has.
    """

    before: Topology
    after: Topology
    gone: tuple[PciDevice, ...]


def compare(before: Topology, after: Topology) -> Comparison:
    """Mark in ``after`` what ``before`` does not have, and tell what is gone.

    A bus is known by its index, a device by what it is (its VF, MAC address, target or
    alias), so that a device that moved is no new one.
    """
    return _Comparing(before).mark(after)


class _Comparing:
    """Devices of ``before`` that found no partner yet; ``mark`` uses them up."""

    def __init__(self, before: Topology) -> None:
        self._before = before
        self._buses = {bus.index: bus for bus in before.buses}
        self._left: dict[str, list[PciDevice]] = {}
        for device in before.devices:
            self._left.setdefault(device.caption.key, []).append(device)
        self._stayed: dict[Place, PciDevice] = {}

    def mark(self, after: Topology) -> Comparison:
        """Build the comparison."""
        # Those that stayed come first, so that twins do not take each other's places.
        self._stayed = {d.place: found for d in after.devices if (found := self._take(d, d.place))}
        roots = tuple(self._bus(root) for root in after.roots)
        gone = tuple(device for twins in self._left.values() for device in twins)
        return Comparison(self._before, replace(after, roots=roots), gone)

    def _bus(self, bus: PciBus) -> PciBus:
        old = self._buses.get(bus.index)
        change = Change.NONE
        if old is None or old.model != bus.model:
            change = Change.NEW
        elif old.pluggable != bus.pluggable:
            change = Change.EDITED
        devices = tuple(self._device(device) for device in bus.devices)
        buses = tuple(self._bus(child) for child in bus.buses)
        return replace(bus, change=change, devices=devices, buses=buses)

    def _device(self, device: PciDevice) -> PciDevice:
        old = self._stayed.get(device.place) or self._take(device, None)
        if old is None:
            return replace(device, change=Change.NEW)
        if old.place != device.place:
            return replace(device, change=Change.MOVED, was=old.place)
        if old.caption.team != device.caption.team:
            return replace(device, change=Change.EDITED)
        return device

    def _take(self, device: PciDevice, place: Place | None) -> PciDevice | None:
        twins = self._left.get(device.caption.key, [])
        for old in twins:
            if place is None or old.place == place:
                twins.remove(old)
                return old
        return None
