# SPDX-License-Identifier: Apache-2.0
"""Addresses that a domain gives itself, or that its board has: each is somebody's alone.

Source: libvirt ``src/conf/domain_addr.c`` (``virDomainPCIAddressReserveAddr``,
``virDomainPCIAddressValidate``).
"""

from sidecar.domainxml.address import describe
from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import BusSet, Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import Device
from sidecar.errors import RequestError

Owner = Device | PciController | str
"""Who has an address: a device, a PCI controller, or a function of the board by its name."""


class ReservedAddresses:
    """Who claims which address on a set of buses.

    Buses are added for a claim as libvirt does it, unless the set is frozen.
    """

    __slots__ = ("_owners", "buses")

    def __init__(self, buses: BusSet) -> None:
        self.buses = buses
        self._owners: dict[Place, Owner] = {}

    def reserve(self, place: Place, flags: int, owner: Owner) -> Place:
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
                where=f"domain XML, {_name(owner)}",
                found=f"{place}, on a {bus.model}",
                expected="bus 0" if flags & connect.INTEGRATED else "a bus of another model",
            )
        if not bus.has_slot(place.slot):
            raise RequestError(
                "a PCI address names a slot that its bus does not have",
                where=f"domain XML, {_name(owner)}",
                found=f"{place}, on a {bus.model}",
                expected=f"slot {bus.spec.first_slot:#x} to {bus.spec.last_slot:#x}",
            )
        if not bus.take(place.slot, place.function, flags):
            raise self._double(place, owner)
        self._owners[place] = owner
        return place

    def _double(self, place: Place, owner: Owner) -> RequestError:
        both = [one for one in (self._owners.get(place), owner) if one is not None]
        return RequestError(
            "two devices claim one PCI address",
            where="domain XML, " + " and ".join(_name(one) for one in both),
            found=str(place),
            todo="Give the device another address, or none.",
        )


def _name(owner: Owner) -> str:
    if isinstance(owner, str):
        return owner
    if owner.element is not None:
        return describe(owner.element)
    if isinstance(owner, Device):
        return f"the {owner.kind} that libvirt adds"
    return f"PCI controller {owner.index}, which libvirt adds"
