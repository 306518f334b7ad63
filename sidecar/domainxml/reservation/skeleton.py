# SPDX-License-Identifier: Apache-2.0
"""The libvirt source of controllers: libvirt defines a skeleton of the domain.

The skeleton keeps what takes PCI addresses and drops the rest, so that a domain plans here
that could not start here: another machine version, KVM, host-model CPU, hugepages, missing
files. Every device carries an alias by which it is found again in what libvirt gives back.
"""

import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field

from lxml import etree

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.classify import default_panic
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import (
    Device,
    Inventory,
    children_of_devices,
    take_inventory,
)
from sidecar.domainxml.addressing.layout import Layout, lay_out
from sidecar.domainxml.addressing.machine import Chipset, Machine
from sidecar.domainxml.document import alias_of, child_of, parse_domain
from sidecar.domainxml.reservation.placeholders import is_ours, make_placeholder
from sidecar.domainxml.reservation.skeleton_device import reduce_device
from sidecar.errors import CapacityError

_ALIAS = "ua-portside-device-"
_FRAME = (
    "<domain type='qemu'><name>portside-{id}</name><uuid>{id}</uuid>"
    "<memory unit='MiB'>64</memory><vcpu>1</vcpu>"
    "<os><type arch='{arch}' machine='{machine}'>hvm</type></os>{features}<devices/></domain>"
)


@dataclass(slots=True, kw_only=True)
class DefinedLayout(Layout):
    """A layout that libvirt made; ``skeleton`` is what it gave back, all places filled in."""

    skeleton: etree._Element
    placeholders: int = field(default=0)


@dataclass(frozen=True, slots=True)
class DefinedSource:
    """Asks a real libvirt.

    Args:
        define: defines a persistent domain, returns its inactive XML and undefines it;
            raises HostError with libvirt's own words if libvirt refuses.
        by_launcher: see ``ControllerSource``.
    """

    define: Callable[[bytes], bytes]
    by_launcher: bool = False

    def lay_out(self, inventory: Inventory) -> Layout:
        """Tell where libvirt puts each device; see ``ControllerSource``."""
        skeleton = self._define(make_skeleton(inventory))
        back = lay_out(take_inventory(skeleton))
        defined = {controller.index for controller in inventory.controllers}
        added = [c for c in back.controllers if c.index not in defined]
        places = _match(inventory, back)
        return DefinedLayout(inventory, back.buses, places, _unowned(added), skeleton=skeleton)

    def extend(self, layout: Layout, ports: int) -> list[Place]:
        """Define the skeleton with placeholders; see ``ControllerSource``."""
        if not isinstance(layout, DefinedLayout):
            raise TypeError("a layout of another source")
        if ports == 0:
            return []
        wanted, limit = ports, ports + len(layout.buses.buses)
        while wanted <= limit:
            skeleton = self._define(_with_placeholders(layout, wanted))
            back = lay_out(take_inventory(skeleton))
            places = _pluggable_placeholders(layout, back)
            if len(places) >= ports:
                return _adopt(layout, skeleton, places[:ports])
            # libvirt fills ports with hotplug='off' as well; those do not count.
            wanted += ports - len(places)
        raise CapacityError(
            "libvirt finds no pluggable ports for the devices asked for",
            where="domain XML",
            expected=f"room for {ports} more devices",
            todo="Ask for fewer ports.",
        )

    def _define(self, skeleton: etree._Element) -> etree._Element:
        return parse_domain(self.define(etree.tostring(skeleton, encoding="UTF-8")))


def make_skeleton(inventory: Inventory) -> etree._Element:
    """Reduce a domain to what decides about PCI addresses."""
    machine = inventory.machine
    acpi = inventory.domain.find("features/acpi") is not None
    x86 = machine.arch in {"x86_64", "i686"} and acpi
    generic = {Chipset.I440FX: "pc", Chipset.OTHER: machine.name}
    root = etree.fromstring(
        _FRAME.format(
            id=uuid.uuid4(),
            arch=machine.arch,
            machine=generic.get(machine.chipset, machine.chipset.value),
            features="<features><acpi/></features>" if x86 else "",
        )
    )
    devices = root[-1]
    for number, element in enumerate(children_of_devices(inventory.domain)):
        bone = reduce_device(_with_model(element, machine), number, f"{_ALIAS}{number}")
        if bone is not None:
            devices.append(bone)
    return root


def _with_model(element: etree._Element, machine: Machine) -> etree._Element:
    """Write the model of a ``<panic>`` down where it is a PCI device by default."""
    model = default_panic(machine) if element.tag == "panic" else ""
    if not model or element.get("model") is not None:
        return element
    copy = deepcopy(element)
    copy.set("model", model)
    return copy


def _match(inventory: Inventory, back: Layout) -> dict[Device | PciController, Place]:
    """Find each device of the domain in what libvirt gave back."""
    elements = children_of_devices(inventory.domain)
    aliases = {element: f"{_ALIAS}{number}" for number, element in enumerate(elements)}
    by_alias: dict[str, Place] = {}
    by_kind: dict[tuple[str, int], list[Place]] = {}
    by_index: dict[int, Place] = {}
    for owner, place in back.places.items():
        alias = "" if owner.element is None else alias_of(owner.element)
        if isinstance(owner, PciController):
            by_index[owner.index] = place
        elif alias:
            by_alias[alias] = place
        else:
            by_kind.setdefault((owner.kind, owner.index), []).append(place)
    places: dict[Device | PciController, Place] = {}
    for controller in inventory.controllers:
        if controller.index in by_index:
            places[controller] = by_index[controller.index]
    for device in inventory.devices:
        if device.element is None:
            rest = by_kind.get((device.kind, device.index))
            if rest:
                places[device] = rest.pop(0)
        elif aliases[device.element] in by_alias:
            places[device] = by_alias[aliases[device.element]]
    return places


def _unowned(controllers: list[PciController]) -> list[PciController]:
    """Copy controllers without their elements, which belong to the skeleton."""
    return [PciController(c.index, c.model, place=c.place) for c in controllers]


def _with_placeholders(layout: DefinedLayout, count: int) -> etree._Element:
    skeleton = deepcopy(layout.skeleton)
    devices = child_of(skeleton, "devices")
    first = layout.placeholders + 1
    if devices is None:
        return skeleton
    for number in range(first, first + count):
        placeholder = make_placeholder(number)
        # Else libvirt would put it beside a virt machine's devices on virtio-mmio.
        etree.SubElement(placeholder, "address", type="pci")
        devices.append(placeholder)
    return skeleton


def _pluggable_placeholders(layout: DefinedLayout, back: Layout) -> list[Place]:
    """List the places of placeholders that were not there before, lowest first."""
    known = {
        place
        for owner, place in lay_out(take_inventory(layout.skeleton)).places.items()
        if owner.element is not None and is_ours(owner.element)
    }
    return sorted(
        place
        for owner, place in back.places.items()
        if owner.element is not None
        and is_ours(owner.element)
        and place not in known
        and (back.buses.buses[place.bus].flags & connect.HOTPLUG or not back.buses.pluggable)
    )


def _adopt(layout: DefinedLayout, skeleton: etree._Element, places: list[Place]) -> list[Place]:
    """Keep the chosen placeholders in the skeleton and take over the buses they made."""
    known = {alias_of(e) for e in children_of_devices(layout.skeleton) if is_ours(e)}
    back = lay_out(take_inventory(skeleton))
    for owner, place in back.places.items():
        element = owner.element
        if element is None or not is_ours(element) or alias_of(element) in known:
            continue
        parent = element.getparent()
        if place not in places and parent is not None:
            parent.remove(element)
    final = lay_out(take_inventory(skeleton))
    have = {controller.index for controller in layout.controllers}
    layout.skeleton = skeleton
    layout.placeholders += len(places)
    layout.buses = final.buses
    layout.added += _unowned([c for c in final.controllers if c.index not in have])
    return places
