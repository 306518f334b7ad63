# SPDX-License-Identifier: Apache-2.0
"""``<controller type='pci'>``: each is a bus."""

from collections import Counter
from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.address import describe, parse_decimal, read_place
from sidecar.domainxml.addressing.buses import LAST_BUS, Place
from sidecar.domainxml.addressing.connect import BUS_MODELS
from sidecar.domainxml.addressing.machine import Chipset, Machine
from sidecar.domainxml.document import child_of
from sidecar.errors import RequestError, shorten
from sidecar.model.ports import MachineFamily

_ROOTS = {"pci-root", "pcie-root"}
_EXPANDED = {
    "pci-expander-bus": {Chipset.I440FX},
    "pcie-expander-bus": {Chipset.Q35, Chipset.VIRT},
}
"""Which boards have expander buses (``qemuDomainControllerDefPostParse``)."""


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
    if model in _ROOTS and child_of(element, "address") is not None:
        raise RequestError(
            "a root bus sits on no other bus, and so has no address",
            where=f"domain XML, {describe(element)}",
            found="<address>",
            expected="none",
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


def insert_controller(controllers: list[PciController], new: PciController) -> None:
    """Insert by index; one without an index goes last (``virDomainControllerInsert``)."""
    position = len(controllers)
    if new.index >= 0:
        # Those without an index are passed over, so this is no search in a sorted list.
        position = next((i for i, c in enumerate(controllers) if c.index > new.index), position)
    controllers.insert(position, new)


def complete_controllers(controllers: list[PciController], machine: Machine) -> None:
    """Give indexes to controllers without one, and add the root.

    Raises:
        RequestError: an index stands twice, or a model does not fit the machine or its index.
    """
    used = {controller.index for controller in controllers}
    lowest = 0
    for controller in controllers:
        if controller.index < 0:
            while lowest in used:
                lowest += 1
            controller.index = lowest
            used.add(lowest)
    root = "pcie-root" if machine.family is MachineFamily.PCIE else "pci-root"
    if 0 not in used:
        insert_controller(controllers, PciController(0, root))
    indexes = [controller.index for controller in controllers]
    if len(set(indexes)) != len(indexes):
        double = next(index for index, count in Counter(indexes).items() if count > 1)
        raise RequestError(
            "two PCI controllers have one index",
            where="domain XML, <devices>",
            found=f"index {double} twice",
        )
    for controller in controllers:
        _check_model(controller, root, machine)


def _check_model(controller: PciController, root: str, machine: Machine) -> None:
    """Refuse a model that this machine does not have at this index."""
    index, model = controller.index, controller.model
    if index == 0 and model != root:
        raise RequestError(
            "the PCI controller with index 0 does not fit the machine",
            where=f"domain XML, machine {machine.name}",
            found=model,
            expected=root,
        )
    several_roots = machine.chipset is Chipset.PSERIES and model == "pci-root"
    if index and model in _ROOTS and not several_roots:
        raise RequestError(
            "a root bus has another index than 0",
            where=f"domain XML, machine {machine.name}",
            found=f"{model} with index {index}",
            expected="index 0",
        )
    expands = _EXPANDED.get(model)
    if expands is not None and (machine.chipset not in expands or machine.arch == "riscv64"):
        raise RequestError(
            "the machine has no such PCI controller",
            where=f"domain XML, machine {machine.name}",
            found=f"{model} with index {index}",
        )
