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

from sidecar.domainxml.address import write_place
from sidecar.domainxml.buses import Place
from sidecar.domainxml.document import add_child, append_child, insert_child
from sidecar.domainxml.inventory import Device, PciController
from sidecar.domainxml.layout import Layout, count_ports
from sidecar.domainxml.placeholders import count_foreign, make_placeholder
from sidecar.domainxml.source import ControllerSource
from sidecar.errors import InternalError, RequestError
from sidecar.model.ports import MachineFamily, PortCount


@dataclass(frozen=True, slots=True)
class Wish:
    """What to reserve.

    Args:
        free: ports to be free and pluggable when the domain boots.
        max_ports: refuse to bring the domain above so many ports.
        later_call: KubeVirt certainly calls again before the boot, with the ports that
            libvirt makes for this call's domain.
    """

    free: int
    max_ports: int | None = None
    later_call: bool = False


@dataclass(frozen=True, slots=True)
class Reservation:
    """The ports before and after, as this call's domain would boot."""

    before: PortCount
    after: PortCount
    added: int


def reserve(
    domain: etree._Element,
    base: Layout,
    guests: list[etree._Element],
    wish: Wish,
    source: ControllerSource,
) -> Reservation:
    """Add controllers to ``domain`` until the wish is fulfilled.

    Args:
        domain: the domain, edited in place.
        base: its layout before ``guests`` were added; it is used up.
        wish: what to reserve.
        source: who makes the controllers.
        guests: devices that we added and that need a pluggable port each. They get explicit
            addresses behind all others, so that nobody moves.

    Raises:
        CapacityError: the machine has no room.
        RequestError: ``max_ports`` would be exceeded.
        InternalError: a device would move.
    """
    before = count_ports(base)
    placed = _placements(base)
    given = len(base.buses.buses)
    for guest, place in zip(guests, source.extend(base, len(guests)), strict=True):
        write_place(guest, place)
    with_guests = len(base.buses.buses)
    places = source.extend(base, max(0, wish.free - _freed_later(domain, wish)))
    _check_limit(base, given, wish)
    controllers = base.added
    if wish.later_call and source.by_launcher and base.inventory.express:
        _send_placeholders(domain, places)
        controllers = _without_trailing_ports(controllers) if places or guests else []
    elif wish.later_call:
        controllers = [c for c in controllers if c.index < with_guests] if guests else []
    elif not guests and len(base.buses.buses) == given:
        controllers = []
    _write_controllers(domain, controllers)
    after = _verify(domain, source, placed, [c for c in controllers if c.index >= given])
    if not wish.later_call and after.free < wish.free:
        raise InternalError(
            "the reserved ports are not free",
            where="domain XML",
            found=str(after.free),
            expected=f"at least {wish.free}",
        )
    return Reservation(before, after, len(controllers))


def _freed_later(domain: etree._Element, wish: Wish) -> int:
    """Count ports that KubeVirt frees when it takes its own placeholders away."""
    return count_foreign(domain) if wish.later_call else 0


def _check_limit(layout: Layout, given: int, wish: Wish) -> None:
    total = count_ports(layout).total
    grew = len(layout.buses.buses) > given
    express = layout.inventory.machine.family is MachineFamily.PCIE
    if wish.max_ports is None or not grew or not express or total <= wish.max_ports:
        return
    raise RequestError(
        "the ports asked for exceed the limit",
        where="annotation portside.io/max-ports",
        found=f"{total} root ports for all devices and the {wish.free} to be free",
        expected=f"at most {wish.max_ports}",
        todo="Raise the limit or ask for less.",
    )


def _send_placeholders(domain: etree._Element, places: list[Place]) -> None:
    """Let virt-launcher's libvirt make the ports.

    Each placeholder names its bus, so libvirt makes root ports up to there, and every other
    device keeps its place.
    """
    devices = domain.find("devices")
    if devices is not None:
        for number, place in enumerate(places, start=1):
            append_child(devices, make_placeholder(number, place))


def _without_trailing_ports(controllers: list[PciController]) -> list[PciController]:
    """Keep what libvirt would not guess: it fills every missing index with a root port."""
    last = max((c.index for c in controllers if c.model != "pcie-root-port"), default=-1)
    return [c for c in controllers if c.index <= last]


def _write_controllers(domain: etree._Element, controllers: list[PciController]) -> None:
    """Append the controllers behind the last one of the domain, without addresses."""
    existing = domain.findall("devices/controller")
    parent = existing[-1].getparent() if existing else domain.find("devices")
    if parent is None:
        parent = add_child(domain, "devices")
    position = parent.index(existing[-1]) + 1 if existing else len(parent)
    for controller in controllers:
        element = etree.Element(
            "controller", type="pci", index=str(controller.index), model=controller.model
        )
        insert_child(parent, position, element)
        controller.element = element
        position += 1


_Key = object


def _placements(layout: Layout) -> dict[_Key, Place]:
    """Map each device to its place: by element, or by kind and number if it has none."""
    counter: dict[tuple[str, int], int] = {}
    placements: dict[_Key, Place] = {}
    for owner, place in layout.places.items():
        if owner.element is not None:
            placements[owner.element] = place
        elif isinstance(owner, Device):
            kind = (owner.kind, owner.index)
            counter[kind] = counter.get(kind, 0) + 1
            placements[*kind, counter[kind]] = place
    return placements


def _verify(
    domain: etree._Element,
    source: ControllerSource,
    placed: dict[_Key, Place],
    grown: list[PciController],
) -> PortCount:
    """Hold the result against the promise; give our controllers addresses if they push."""
    layout = source.lay_out(domain)
    if _moved(placed, layout):
        # Controllers get their slots on bus 0 first. Where something else has to sit there,
        # ours must name slots behind it.
        for controller in grown:
            if controller.element is not None and controller.place is not None:
                write_place(controller.element, controller.place)
        layout = source.lay_out(domain)
        moved = _moved(placed, layout)
        if moved:
            raise InternalError(
                "a device would move to another PCI address",
                where="domain XML",
                found=", ".join(moved),
                todo="Please report this domain.",
            )
    return count_ports(layout)


def _moved(placed: dict[_Key, Place], layout: Layout) -> list[str]:
    after = _placements(layout)
    return [
        f"{getattr(key, 'tag', key)} from {place} to {after.get(key)}"
        for key, place in placed.items()
        if after.get(key) != place
    ]
