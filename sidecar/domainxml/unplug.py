# SPDX-License-Identifier: Apache-2.0
"""Ports of transient devices: they must let the VF go while the guest runs."""

from lxml import etree

from sidecar.domainxml.address import describe
from sidecar.domainxml.addressing.buses import Bus, Place
from sidecar.domainxml.addressing.layout import Layout, is_port
from sidecar.domainxml.document import child_of
from sidecar.errors import RequestError, shorten

_WHY = "The VF must be unplugged and plugged while the VM runs, for instance to migrate it."


_ROOT_COMPLEX = "annotation kubevirt.io/placePCIDevicesOnRootComplex"


def keep_unpluggable(
    layout: Layout, transients: list[etree._Element], *, root_complex: bool = False
) -> None:
    """See that each transient device sits on a port that can be unplugged.

    ``hotplug='off'`` of its port, which KubeVirt may set on occupied ports, goes away.

    Args:
        layout: the domain with all its devices.
        transients: the VFs of the teams.
        root_complex: KubeVirt itself placed the devices on bus 0.

    Raises:
        RequestError: a VF has no PCI address, is not on a port, or shares a slot.
    """
    places = {owner.element: place for owner, place in layout.places.items()}
    for element in transients:
        place = places.get(element)
        if place is None:
            raise _no_address(element)
        bus = layout.buses.buses[place.bus]
        if not is_port(bus):
            raise _no_port(element, place, bus, root_complex=root_complex and place.bus == 0)
        if bus.taken.get(place.slot, 0) != 1 << place.function:
            raise RequestError(
                "a VF of a team shares its slot with another device",
                where=f"domain XML, {describe(element)}",
                found=f"slot of address {Place(place.bus, place.slot, place.function)}",
                expected="a slot of its own",
                todo=_WHY,
            )
        _clear_hotplug_off(layout, place.bus)


def _no_port(
    element: etree._Element, place: Place, bus: Bus, *, root_complex: bool
) -> RequestError:
    cause = f', where {_ROOT_COMPLEX} "true" puts it' if root_complex else ""
    remedy = "Remove that annotation." if root_complex else "Remove its address."
    return RequestError(
        "a VF of a team needs a PCIe port of its own",
        where=f"domain XML, {describe(element)}",
        found=f"address {place}, on a {bus.model}{cause}",
        expected="an address behind a pcie-root-port",
        todo=f"{_WHY} {remedy}",
    )


def _no_address(element: etree._Element) -> RequestError:
    address = child_of(element, "address")
    kind = None if address is None else address.get("type")
    return RequestError(
        "a VF of a team takes no PCI address in the guest",
        where=f"domain XML, {describe(element)}",
        found=f"address of type {shorten(kind)}" if kind else shorten(dict(element.items())),
        expected="a PCI device of mode='subsystem', and an address of type='pci' if any",
        todo=_WHY,
    )


def _clear_hotplug_off(layout: Layout, index: int) -> None:
    for controller in layout.controllers:
        if controller.index == index and controller.element is not None:
            target = child_of(controller.element, "target")
            if target is not None and "hotplug" in target.attrib:
                del target.attrib["hotplug"]
