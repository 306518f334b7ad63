# SPDX-License-Identifier: Apache-2.0
"""Addresses that a domain gives itself, or that its board has: each is somebody's alone.

Source: libvirt ``src/conf/domain_addr.c`` (``virDomainPCIAddressReserveAddr``,
``virDomainPCIAddressValidate``).
"""

from sidecar.domainxml import connect
from sidecar.domainxml.address import describe
from sidecar.domainxml.buses import BusSet, Place
from sidecar.domainxml.controllers import PciController
from sidecar.domainxml.inventory import Device
from sidecar.errors import RequestError

Claimant = Device | PciController | str
"""Who has an address: a device, a PCI controller, or a function of the board by its name."""


class Claims:
    """Who claims which address on a set of buses.

    Buses are added for a claim as libvirt does it, unless the set is frozen.
    """

    __slots__ = ("_claimants", "buses")

    def __init__(self, buses: BusSet) -> None:
        self.buses = buses
        self._claimants: dict[Place, Claimant] = {}

    def claim(self, place: Place, flags: int, claimant: Claimant) -> Place:
        """Take an address; return it, on the bus where it really is (``BusSet.reach``).

        Raises:
            RequestError: the address is somebody else's, or none of its bus.
            CapacityError: libvirt adds no bus for the device.
        """
        place = self.buses.reach(place, flags)
        bus = self.buses.buses[place.bus]
        if not connect.fits(bus.flags, flags, bus_is_root=place.bus == 0):
            raise RequestError(
                "a PCI address is on a bus that takes no such device",
                where=f"domain XML, {_name(claimant)}",
                found=f"{place}, on a {bus.model}",
                expected="bus 0" if flags & connect.INTEGRATED else "a bus of another model",
            )
        if not bus.has_slot(place.slot):
            raise RequestError(
                "a PCI address names a slot that its bus does not have",
                where=f"domain XML, {_name(claimant)}",
                found=f"{place}, on a {bus.model}",
                expected=f"slot {bus.spec.first_slot:#x} to {bus.spec.last_slot:#x}",
            )
        if not bus.take(place.slot, place.function, flags):
            raise self._double(place, claimant)
        self._claimants[place] = claimant
        return place

    def _double(self, place: Place, claimant: Claimant) -> RequestError:
        both = [one for one in (self._claimants.get(place), claimant) if one is not None]
        return RequestError(
            "two devices claim one PCI address",
            where="domain XML, " + " and ".join(_name(one) for one in both),
            found=str(place),
            todo="Give the device another address, or none.",
        )


def _name(claimant: Claimant) -> str:
    if isinstance(claimant, str):
        return claimant
    if claimant.element is not None:
        return describe(claimant.element)
    if isinstance(claimant, Device):
        return f"the {claimant.kind} that libvirt adds"
    return f"PCI controller {claimant.index}, which libvirt adds"
