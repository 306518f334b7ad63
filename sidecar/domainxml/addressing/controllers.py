# SPDX-License-Identifier: Apache-2.0
"""``<controller type='pci'>``: each is a bus."""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.address import describe, parse_decimal, read_place
from sidecar.domainxml.addressing.buses import LAST_BUS, Place
from sidecar.domainxml.addressing.connect import BUS_MODELS
from sidecar.domainxml.addressing.machine import Machine
from sidecar.domainxml.document import child_of
from sidecar.errors import RequestError, shorten
from sidecar.model.ports import MachineFamily


@dataclass(slots=True, eq=False)
class PciController:
    """A ``<controller type='pci'>``, and so a bus; ``element`` is None if libvirt adds it."""

    index: int
    model: str
    element: etree._Element | None = None
    place: Place | None = None
    pluggable: bool = True


def read_pci_controller(element: etree._Element) -> PciController:
    """Read a controller; its index is -1 if the XML leaves it to libvirt.

    Raises:
        RequestError: the model is unknown, or the index out of range.
    """
    model = element.get("model")
    if model not in BUS_MODELS:
        raise RequestError(
            "unknown model of a PCI controller",
            where=f"domain XML, {describe(element)}",
            found=shorten(model),
            expected="one of " + ", ".join(sorted(BUS_MODELS)),
        )
    text = element.get("index")
    index = -1 if text is None else parse_decimal(text, element, "index")
    if index > LAST_BUS:
        raise RequestError(
            "a PCI controller's index is out of range",
            where=f"domain XML, {describe(element)}",
            found=str(index),
            expected=f"0 to {LAST_BUS}",
        )
    target = child_of(element, "target")
    pluggable = target is None or target.get("hotplug") != "off"
    return PciController(index, model, element, read_place(element)[0], pluggable)


def complete_controllers(controllers: list[PciController], machine: Machine) -> None:
    """Give indexes to controllers without one, and add the root; sort by index."""
    used = {controller.index for controller in controllers}
    for controller in controllers:
        if controller.index < 0:
            controller.index = next(i for i in range(len(used) + 1) if i not in used)
            used.add(controller.index)
    root = "pcie-root" if machine.family is MachineFamily.PCIE else "pci-root"
    if 0 not in used:
        controllers.append(PciController(0, root))
    controllers.sort(key=lambda controller: controller.index)
    indexes = [controller.index for controller in controllers]
    if len(set(indexes)) != len(indexes):
        double = next(i for i in indexes if indexes.count(i) > 1)
        raise RequestError(
            "two PCI controllers have one index",
            where="domain XML, <devices>",
            found=f"index {double} twice",
        )
    if controllers[0].model != root:
        raise RequestError(
            "the PCI controller with index 0 does not fit the machine",
            where=f"domain XML, machine {machine.name}",
            found=controllers[0].model,
            expected=root,
        )
