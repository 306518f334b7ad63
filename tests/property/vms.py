# SPDX-License-Identifier: Apache-2.0
"""Strategies for whole VMs: a request, and a domain in which its networks have devices."""

from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st
from lxml import etree

from sidecar.domainxml.address import write_place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import Layout, lay_out
from sidecar.errors import PortsideError
from sidecar.model.request import Network, Request
from tests.property.controllers import without_some_addresses
from tests.property.domains import domains
from tests.property.strategies import requests

_MACHINES = ("q35", "q35", "q35", "q35", "virt", "pc", "pseries")


@dataclass(frozen=True)
class Vm:
    """A request, and the domain of the call that carries it."""

    request: Request
    domain: bytes


def layout_of(domain: bytes) -> Layout:
    return lay_out(take_inventory(etree.fromstring(domain)))


@st.composite
def vms(draw: st.DrawFn, machines: tuple[str, ...] = _MACHINES) -> Vm:
    """A VM in any call: nothing placed, everything, or some of it; any placeholders."""
    request = draw(requests())
    root = etree.fromstring(draw(domains(machines)))
    devices = root.find("devices")
    assert devices is not None
    for number, network in enumerate(request.networks):
        devices.append(etree.fromstring(_device_of(number, network)))
    for number in range(draw(st.sampled_from((0, 0, 0, 1, 3)))):
        devices.append(etree.fromstring(_PLACEHOLDER.replace("NUMBER", str(number))))
    if draw(st.booleans()):
        etree.indent(root)
    state = draw(st.sampled_from(("fresh", "fresh", "placed", "nics unplaced", "half placed")))
    if state != "fresh":
        place(root)
    text = etree.tostring(root, encoding="unicode")
    if state in {"nics unplaced", "half placed"}:
        random = Random(draw(st.integers(0, 2**32)))  # noqa: S311 -- a test's choice, no secret
        text = without_some_addresses(text, random, nics_only=state == "nics unplaced")
    return Vm(request, text.encode())


def place(root: etree._Element) -> None:
    """Give everything its address and controller, as libvirt's read-back has them."""
    devices = root.find("devices")
    assert devices is not None
    try:
        layout = lay_out(take_inventory(root))
    except PortsideError:
        return
    for owner, where in layout.places.items():
        if owner.element is not None:
            write_place(owner.element, where)
    for controller in layout.controllers:
        if controller.element is None:
            devices.append(_element_of(controller, layout))


def _element_of(controller: PciController, layout: Layout) -> etree._Element:
    element = etree.Element(
        "controller", type="pci", index=str(controller.index), model=controller.model
    )
    if controller in layout.places:
        write_place(element, layout.places[controller])
    return element


_PLACEHOLDER = (
    "<interface type='ethernet'><source/><target dev='placeholder-NUMBER' managed='no'/>"
    "<model type='virtio-non-transitional'/><alias name='placeholder-NUMBER'/></interface>"
)


def _device_of(number: int, network: Network) -> str:
    """An interface's device as KubeVirt writes it in the first call."""
    if network.sriov:
        return (
            "<hostdev type='pci' managed='no'><source><address type='pci' domain='0x0000' "
            f"bus='0xe0' slot='0x{number:02x}' function='0x0'/></source>"
            f"<alias name='ua-sriov-{network.name}'/></hostdev>"
        )
    mac = network.mac or f"52:54:00:00:03:{number:02x}"
    model = "virtio-non-transitional" if network.virtio else "e1000e"
    return (
        f"<interface type='ethernet'><mac address='{mac}'/><model type='{model}'/>"
        f"<alias name='ua-{network.name}'/></interface>"
    )
