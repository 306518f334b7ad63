# SPDX-License-Identifier: Apache-2.0
"""Reservation: placeholders -> controllers -> strip.

The placeholders of the planner and of the libvirt source never leave this process: only the
controllers that they caused go into the domain. Those of the launcher source do, in a call
that another call certainly follows, and are stripped there.

Promise: in the domain that boots at least the requested number of ports is free and can be
plugged, and no device sits on another address than without us.
"""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.address import describe, write_place
from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import Device, Inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports
from sidecar.domainxml.document import append_child, devices_named, devices_of, insert_child
from sidecar.domainxml.reservation.commandline import read_command_line
from sidecar.domainxml.reservation.limit import Outlook, check_limit, forecast
from sidecar.domainxml.reservation.out_of_way import (
    check_command_line,
    notes_on,
    place_at_the_end,
    slots_at_the_end,
)
from sidecar.domainxml.reservation.placeholders import make_placeholder
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.errors import InternalError
from sidecar.model.ports import PortCount


@dataclass(frozen=True, slots=True)
class Wish:
    """What to reserve.

    Args:
        free: ports to be free and pluggable when the domain boots.
        max_ports: refuse to bring the domain above so many ports.
        later_call: KubeVirt certainly calls again before the boot, with the ports that
            libvirt makes for this call's domain.
        freed_later: ports that KubeVirt frees until then, taking its own placeholders away.
        extra: root ports that KubeVirt appends by itself before the boot.
        extra_first: it appends them before the next call, not after it.
    """

    free: int
    max_ports: int | None = None
    later_call: bool = False
    freed_later: int = 0
    extra: int = 0
    extra_first: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """The ports before and after, as this call's domain would boot, and where all sits.

    ``notes`` are sentences worth logging.
    """

    before: PortCount
    after: PortCount
    layout: Layout
    notes: tuple[str, ...] = ()


def reserve(
    base: Layout, guests: list[etree._Element], wish: Wish, source: ControllerSource
) -> Reservation:
    """Add controllers to a domain until the wish is fulfilled.

    Args:
        base: the layout of the domain before ``guests`` were added; used up, while its
            inventory takes in what is added.
        guests: devices that we added and that need a pluggable port each. They get explicit
            addresses behind all others, so that nobody moves.
        wish: what to reserve.
        source: who makes the controllers.

    Raises:
        CapacityError: the machine has no room.
        RequestError: ``max_ports`` would be exceeded.
        InternalError: a device would move.
    """
    inventory = base.inventory
    line = read_command_line(inventory.domain)
    before = count_ports(base)
    check_command_line(line, base, len(guests) + wish.free)
    last_slots = slots_at_the_end(base, line) if inventory.express and line.on_root else None
    placed = _placements(base)
    given = len(base.buses.buses)
    guest_places = source.extend(base, len(guests))
    with_guests = len(base.buses.buses)
    _dedicate(base, guests, guest_places)
    places = source.extend(base, max(0, wish.free - wish.freed_later))
    for guest, place in zip(guests, guest_places, strict=True):
        write_place(guest, place)
        inventory.add_device(guest, place)
    controllers = base.added
    may_send = wish.later_call and source.by_launcher and last_slots is None
    sent = places if may_send and _can_send(base) else []
    if sent:
        _send_placeholders(inventory, sent)
        controllers = []
    elif wish.later_call:
        controllers = [c for c in controllers if c.index < with_guests] if guests else []
    elif not guests and len(base.buses.buses) == given:
        controllers = []
    _write_controllers(inventory, controllers)
    if controllers:
        _write_shifted(base)
    if not guests and not sent and not controllers:
        _check_limit(wish, before, before, given - 1)
        return Reservation(before, before, base, notes_on(line, grew=False))
    grown = [c for c in controllers if c.index >= given]
    if last_slots is not None:
        place_at_the_end([c for c in inventory.controllers if c.index >= given], last_slots)
        grown = []
    after = _verify(base, source, placed, grown)
    count = count_ports(after)
    _check_limit(wish, before, count, len(after.buses.buses) - 1, sent=len(sent))
    if not wish.later_call and count.free < wish.free:
        raise InternalError(
            "the reserved ports are not free",
            where="domain XML",
            found=str(count.free),
            expected=f"at least {wish.free}",
        )
    return Reservation(before, count, after, notes_on(line, grew=bool(controllers)))


def _dedicate(base: Layout, guests: list[etree._Element], places: list[Place]) -> None:
    """Keep others off the host bridges of hostdevs: each has its own (pSeries)."""
    for guest, place in zip(guests, places, strict=True):
        if base.buses.multiple_roots and guest.tag == "hostdev" and place.bus:
            base.buses.buses[place.bus].dedicated = True


def _check_limit(
    wish: Wish, before: PortCount, now: PortCount, highest: int, *, sent: int = 0
) -> None:
    outlook = Outlook(wish.extra, wish.extra_first, wish.freed_later + sent, highest)
    check_limit(wish.max_ports, before, wish.free, forecast(before, now, wish.free, outlook))


def _can_send(layout: Layout) -> bool:
    """Whether the ports that libvirt makes itself for placeholders push nothing away.

    They get their slots on bus 0 before integrated devices do, and libvirt fills every
    missing index with a root port, never with a bridge. Where that matters, the ports wait
    for the later call, in which everything is placed.
    """
    return (
        layout.inventory.express
        and all(controller.model == "pcie-root-port" for controller in layout.added)
        # One that we wrote, or that was written without an address, is no more certain.
        and all(
            controller.model in {"pcie-root", "pcie-root-port"} or controller.place is not None
            for controller in layout.inventory.controllers
        )
        and not any(
            device.wanted and device.flags & connect.INTEGRATED
            for device in layout.inventory.devices
        )
    )


def _send_placeholders(inventory: Inventory, places: list[Place]) -> None:
    """Let virt-launcher's libvirt make the ports.

    Each placeholder names its bus, so libvirt makes root ports up to there, and every other
    device keeps its place.
    """
    devices = devices_of(inventory.domain)
    for number, place in enumerate(places, start=1):
        placeholder = make_placeholder(number, place)
        append_child(devices, placeholder)
        inventory.add_device(placeholder, place)


def _write_controllers(inventory: Inventory, controllers: list[PciController]) -> None:
    """Append the controllers behind the last one of the domain, without addresses."""
    existing = devices_named(inventory.domain, "controller")
    parent = existing[-1].getparent() if existing else None
    if parent is None:
        parent = devices_of(inventory.domain)
    position = parent.index(existing[-1]) + 1 if existing else len(parent)
    for offset, controller in enumerate(controllers):
        element = etree.Element(
            "controller", type="pci", index=str(controller.index), model=controller.model
        )
        insert_child(parent, position + offset, element)
        inventory.add_controller(controller, element)


def _write_shifted(layout: Layout) -> None:
    """Write down where libvirt moves a device to (``BusSet.reach``).

    It does so only while the bridge for the device is not defined, and now it is.
    """
    inventory = layout.inventory
    owners: list[Device | PciController] = [*inventory.devices, *inventory.controllers]
    for owner in owners:
        place = layout.places.get(owner)
        if owner.element is None or owner.place is None or place is None:
            continue
        if place != owner.place:
            write_place(owner.element, place)
            owner.place = place


_Owner = Device | int
"""What has an address: a device, or the PCI controller of an index."""


def _placements(layout: Layout) -> dict[_Owner, Place]:
    """Map each device, and each PCI controller by its index, to its place."""
    return {
        owner if isinstance(owner, Device) else owner.index: place
        for owner, place in layout.places.items()
    }


def _verify(
    base: Layout, source: ControllerSource, placed: dict[_Owner, Place], grown: list[PciController]
) -> Layout:
    """Hold the result against the promise; give our controllers addresses if they push."""
    layout = source.lay_out(base.inventory)
    if not _moved(placed, layout):
        return layout
    # Controllers get their slots on bus 0 first. Where something else has to sit there, ours
    # must name slots behind it.
    addresses = {controller.index: controller.place for controller in grown}
    for bridge in layout.added:
        # Our devices leave a full bus 0 too little, so libvirt would add this one in front.
        addresses[bridge.index] = base.buses.assign(connect.BUS_MODELS[bridge.model].plugs_into)
    _write_controllers(base.inventory, layout.added)
    for controller in base.inventory.controllers:
        place = addresses.get(controller.index)
        if place is not None and controller.element is not None:
            write_place(controller.element, place)
            controller.place = place
    layout = source.lay_out(base.inventory)
    moved = _moved(placed, layout)
    if moved:
        raise InternalError(
            "a device would move to another PCI address",
            where="domain XML",
            found=", ".join(moved),
            todo="Please report this domain.",
        )
    return layout


def _moved(placed: dict[_Owner, Place], layout: Layout) -> list[str]:
    after = _placements(layout)
    return [
        f"{_name(owner)} from {place} to {after.get(owner, 'nowhere')}"
        for owner, place in placed.items()
        if after.get(owner) != place
    ]


def _name(owner: _Owner) -> str:
    if isinstance(owner, int):
        return f"PCI controller {owner}"
    return owner.kind if owner.element is None else describe(owner.element)
