# SPDX-License-Identifier: Apache-2.0
"""All PCI devices of a domain, in the order in which libvirt gives them addresses.

Source: libvirt ``src/qemu/qemu_domain_address.c`` (``qemuDomainAssignDevicePCISlots``).
"""

import bisect
from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.address import parse_decimal, read_place
from sidecar.domainxml.addressing import classify, connect, implicit
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.controllers import (
    PciController,
    complete_controllers,
    insert_controller,
    read_pci_controller,
)
from sidecar.domainxml.addressing.implicit import disk_number
from sidecar.domainxml.addressing.machine import Machine, read_machine
from sidecar.domainxml.document import child_of, devices_named
from sidecar.model.ports import MachineFamily

ORDER = (
    *("filesystem", "interface", "sound", "controller", "disk", "hostdev", "memballoon", "rng"),
    *("watchdog", "video", "shmem", "input", "serial", "iommu", "vsock", "memory", "crypto"),
    *("panic", "pstore"),
)
PARSED_ORDER = (
    *("disk", "interface", "sound", "hostdev", "video", "controller", "serial", "input"),
    *("filesystem", "watchdog", "memballoon", "rng", "shmem", "panic", "memory", "iommu"),
    *("vsock", "crypto", "pstore"),
)
"""In which libvirt looks at given addresses (``virDomainDeviceInfoIterate``)."""
USB2_FUNCTIONS = {"ich9-ehci1": 7, "ich9-uhci1": 0, "ich9-uhci2": 1, "ich9-uhci3": 2}
_SINGLETONS = {"memballoon", "iommu", "vsock", "pstore"}


@dataclass(slots=True, eq=False)
class Device:
    """A device that takes a PCI address; ``element`` is None for one that libvirt adds.

    ``place`` is its address, ``wanted`` tells that libvirt still has to find one.
    ``index`` is a controller's, or a disk's number by its target. ``function`` is that of a
    USB 2 controller, whose companions (same index) share a slot.
    """

    kind: str
    flags: int
    element: etree._Element | None = None
    place: Place | None = None
    wanted: bool = True
    model: str | None = None
    index: int = 0
    function: int | None = None


@dataclass(slots=True)
class Inventory:
    """What of ``domain`` matters for PCI addresses."""

    domain: etree._Element
    machine: Machine
    controllers: list[PciController]
    devices: list[Device]

    @property
    def express(self) -> bool:
        """Whether the machine has PCI Express."""
        return self.machine.family is MachineFamily.PCIE

    @property
    def pluggable(self) -> bool:
        """Whether devices can be plugged while the domain runs."""
        return self.machine.plugs

    def in_parsed_order(self) -> list[Device | PciController]:
        """All that may have an address of its own, in libvirt's order."""
        position = {kind: number for number, kind in enumerate(PARSED_ORDER)}
        owners: list[tuple[int, Device | PciController]] = [
            (position[device.kind.partition("-")[0]], device) for device in self.devices
        ]
        owners += [(position["controller"], controller) for controller in self.controllers]
        return [owner for _, owner in sorted(owners, key=lambda one: one[0])]

    def add_device(self, element: etree._Element, place: Place) -> None:
        """Take in a device that we put into the domain, at an address of its own."""
        flags = connect.EXPRESS_DEVICE if self.express else connect.CONVENTIONAL_DEVICE
        self.devices.append(Device(str(element.tag), flags, element, place, wanted=False))

    def add_controller(self, controller: PciController, element: etree._Element) -> None:
        """Take in a PCI controller that we put into the domain, for libvirt to place."""
        new = PciController(controller.index, controller.model, element)
        insert_controller(self.controllers, new)


def children_of_devices(domain: etree._Element) -> list[etree._Element]:
    """List the device elements of a domain, without comments and foreign namespaces."""
    return [
        child
        for devices in domain.iterchildren("devices")
        for child in devices
        if isinstance(child.tag, str) and child.tag[0] != "{"
    ]


def take_inventory(domain: etree._Element) -> Inventory:
    """Read a domain's PCI devices.

    Raises:
        RequestError: an address, index or controller model makes no sense.
    """
    machine = read_machine(domain)
    elements = children_of_devices(domain)
    rules = classify.rules_for(machine, elements)
    by_kind: dict[str, list[Device]] = {kind: [] for kind in ORDER}
    controllers: list[PciController] = []
    for element in elements:
        tag = str(element.tag)
        if tag == "controller":
            if element.get("type") == "pci":
                insert_controller(controllers, read_pci_controller(element))
            else:
                _insert_controller(by_kind[tag], _controller(element, rules))
        elif tag in by_kind:
            _add_device(by_kind, element, tag, rules)
    if machine.family in {MachineFamily.PCIE, MachineFamily.PCI}:
        _add_implicit(by_kind, domain, rules)
        complete_controllers(controllers, machine)
    return Inventory(domain, machine, controllers, [d for kind in ORDER for d in by_kind[kind]])


def _add_device(
    by_kind: dict[str, list[Device]], element: etree._Element, tag: str, rules: classify.Rules
) -> None:
    if tag in _SINGLETONS and by_kind[tag]:
        return
    place, wanted = read_place(element)
    flags = classify.CLASSIFIERS[tag](element, rules.for_element(element))
    device = Device(tag, flags, element, place, wanted and flags != 0)
    if tag == "interface" and element.get("type") == "hostdev":
        device.flags = rules.express
        device.wanted = wanted
        # Its hostdev comes before those of <hostdev>: interfaces are parsed first.
        position = sum(d.kind == "interface" for d in by_kind["hostdev"])
        by_kind["hostdev"].insert(position, device)
        return
    device.model = element.get("model")
    if tag == "disk":
        device.index = disk_number(element)
        # Sorted by target, whatever the order in the XML (virDomainDiskInsert).
        bisect.insort_right(by_kind[tag], device, key=lambda disk: disk.index)
    elif tag == "video" and _is_primary(element):
        by_kind[tag].insert(0, device)
    else:
        by_kind[tag].append(device)


def _is_primary(video: etree._Element) -> bool:
    model = child_of(video, "model")
    return model is not None and model.get("primary") == "yes"


def _controller(element: etree._Element, rules: classify.Rules) -> Device:
    kind, model = element.get("type", ""), element.get("model")
    place, wanted = read_place(element)
    if kind == "usb" and model == "none":
        place, wanted = None, False  # virDomainControllerDefParseXML ignores its address
    flags = classify.controller_flags(kind, model, rules.for_element(element))
    text = element.get("index")
    index = -1 if text is None else parse_decimal(text, element, "index")
    return Device(
        f"controller-{kind}",
        flags,
        element,
        place,
        wanted and flags != 0,
        model,
        index,
        USB2_FUNCTIONS.get(model or "") if kind == "usb" else None,
    )


def _insert_controller(controllers: list[Device], new: Device) -> None:
    """Keep controllers of one type together and sorted (virDomainControllerInsertPreAlloced)."""
    position = None
    for i in range(len(controllers) - 1, -1, -1):
        current = controllers[i]
        if current.kind != new.kind:
            continue
        if new.index < 0:
            position = i + 1
            break
        companion = current.index == new.index and _has_master(current) and not _has_master(new)
        if current.index > new.index or companion:
            position = i
        elif position is None:
            position = i + 1
    controllers.insert(len(controllers) if position is None else position, new)


def _assign_indexes(controllers: list[Device]) -> list[Device]:
    """Give the lowest unused index to each controller without one.

    A USB 2 controller gets that of the USB 2 controller in front of it, if it can be its
    companion (virDomainAssignControllerIndexes).
    """
    resort = False
    used = {(one.kind, one.index) for one in controllers}
    models = {(one.kind, one.index, one.model) for one in controllers}
    lowest: dict[str, int] = {}
    previous: dict[str, Device] = {}
    for controller in controllers:
        kind = controller.kind
        if controller.index < 0:
            resort = resort or controller.function is not None
            index = _companions_index(controller, previous.get(kind), models)
            if index is None:
                index = lowest.get(kind, 0)
                while (kind, index) in used:
                    index += 1
                lowest[kind] = index
            controller.index = index
            used.add((kind, index))
            models.add((kind, index, controller.model))
        previous[kind] = controller
    if not resort:
        return controllers
    again: list[Device] = []
    for controller in controllers:
        _insert_controller(again, controller)
    return again


def _companions_index(
    new: Device, before: Device | None, models: set[tuple[str, int, str | None]]
) -> int | None:
    """Return the index of the USB 2 controller before, if the new one belongs to it."""
    if new.function is None or before is None or before.function is None:
        return None
    taken = (new.kind, before.index, new.model) in models
    return None if taken else before.index


def _has_master(controller: Device) -> bool:
    return controller.element is not None and child_of(controller.element, "master") is not None


def _add_implicit(
    by_kind: dict[str, list[Device]], domain: etree._Element, rules: classify.Rules
) -> None:
    def add(kind: str, index: int, model: str | None) -> None:
        flags = classify.controller_flags(kind, model, rules)
        device = Device(f"controller-{kind}", flags, wanted=flags != 0, model=model, index=index)
        _insert_controller(by_kind["controller"], device)

    implicit.add_for_hostdevs(domain, _known(by_kind["controller"]), add)
    by_kind["controller"] = _assign_indexes(by_kind["controller"])
    implicit.add_controllers(domain, rules.machine, _known(by_kind["controller"]), add)
    if implicit.balloon(rules.machine) and not by_kind["memballoon"]:
        by_kind["memballoon"].append(Device("memballoon", rules.virtio, wanted=rules.virtio != 0))
    if not by_kind["video"] and devices_named(domain, "graphics"):
        flags = classify.video_flags(None, rules)
        by_kind["video"].append(Device("video", flags, wanted=flags != 0))


def _known(controllers: list[Device]) -> implicit.Known:
    return {(d.kind.removeprefix("controller-"), d.index): d.model for d in controllers}
