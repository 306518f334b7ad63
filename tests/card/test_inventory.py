# SPDX-License-Identifier: Apache-2.0
"""``portside vf list`` on a real sysfs tells what libvirt's node devices tell."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from tests.card.card import PORTSIDE, Card
from tests.card.sysfs import FIRST, SECOND, bind_vfio, shell

pytestmark = pytest.mark.card

VIRSH = ("virsh", "--quiet", "--connect", "nodedev:///system")
# It hears of a new device from udev, some time after udev has settled.
APPEARS = (
    'until virsh -q -c nodedev:///system nodedev-info "$1" >/dev/null 2>&1; do sleep 0.1; done'
)
PCI = "capability[@type='pci']"


def node_device(address: str) -> str:
    return "pci_" + address.replace(":", "_").replace(".", "_")


def parse_address(element: ET.Element) -> str:
    domain, bus, slot, function = (
        int(element.attrib[name], 16) for name in ("domain", "bus", "slot", "function")
    )
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def number(element: ET.Element | None, name: str) -> int | None:
    return None if element is None else int(element.attrib[name])


def describe(pci: ET.Element) -> dict[str, Any]:
    """Return of libvirt's XML what both tell, in Portside's words."""
    vendor, product = pci.find("vendor"), pci.find("product")
    assert vendor is not None
    assert product is not None
    told: dict[str, Any] = {
        "id": f"{vendor.attrib['id'][2:]}:{product.attrib['id'][2:]}",
        "name": f"{vendor.text} {product.text}",
        "iommu_group": number(pci.find("iommuGroup"), "number"),
        "numa_node": number(pci.find("numa"), "node"),
    }
    virtual = pci.find("capability[@type='virt_functions']")
    if virtual is not None:
        told["totalvfs"] = number(virtual, "maxCount")
        told["vfs"] = [parse_address(one) for one in virtual.iter("address")]
    physical = pci.find("capability[@type='phys_function']/address")
    if physical is not None:
        told["physfn"] = parse_address(physical)
    return told


def ask_libvirt(card: Card) -> dict[str, dict[str, Any]]:
    """Return all SR-IOV functions that libvirt knows."""
    names = card.run(*VIRSH, "nodedev-list", "--cap", "pci").split()
    dumps = card.run(*VIRSH, "; ".join(f"nodedev-dumpxml {name}" for name in names))
    functions: dict[str, dict[str, Any]] = {}
    for device in ET.fromstring(f"<devices>{dumps}</devices>"):
        pci = device.find(PCI)
        assert pci is not None
        told = describe(pci) | {"driver": device.findtext("driver/name")}
        if "totalvfs" in told or "physfn" in told:
            domain, bus, slot, function = (
                int(pci.findtext(name, "")) for name in ("domain", "bus", "slot", "function")
            )
            functions[f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"] = told
    return functions


def ask_portside(card: Card) -> dict[str, dict[str, Any]]:
    """Return all functions of ``portside vf list``, as far as libvirt knows such things."""
    listed = json.loads(card.run(*PORTSIDE, "vf", "list", "-o", "json"))
    functions: dict[str, dict[str, Any]] = {}
    both = ("id", "name", "driver", "iommu_group", "numa_node")
    for pf in listed["pfs"]:
        addresses = {"vfs": [vf["address"] for vf in pf["vfs"]]}
        functions[pf["address"]] = {key: pf[key] for key in (*both, "totalvfs")} | addresses
        for vf in pf["vfs"]:
            functions[vf["address"]] = {key: vf[key] for key in (*both, "physfn")}
    return functions


@pytest.mark.usefixtures("libvirt")
def test_libvirts_node_devices_tell_the_same(card: Card, vfs: tuple[str, ...]) -> None:
    bind_vfio(card, vfs[1])
    for vf in vfs:
        shell(card, APPEARS, node_device(vf))
    told = ask_portside(card)
    assert set(told) == {FIRST, SECOND, *vfs}
    assert [told[vf]["driver"] for vf in vfs] == ["igbvf", "vfio-pci"]
    assert told == ask_libvirt(card)
