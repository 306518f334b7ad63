# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import lay_out
from sidecar.domainxml.unplug import keep_unpluggable
from sidecar.errors import RequestError
from tests.unit.domainxml.build import refusal, tree
from tests.unit.domainxml.trees import address, nic, port

OFF = "<target chassis='1' hotplug='off'/>"
WHY = "The VF must be unplugged and plugged while the VM runs, for instance to migrate it."


def vf(inside: str = "", attributes: str = "mode='subsystem' type='pci'") -> str:
    return f"<hostdev {attributes}><alias name='ua-sriov-vf'/>{inside}</hostdev>"


def keep(*devices: str) -> etree._Element:
    domain = tree(*devices)
    keep_unpluggable(lay_out(take_inventory(domain)), domain.findall("devices/hostdev"))
    return domain


def test_clears_the_lock_of_its_port_only() -> None:
    domain = keep(port(1, OFF), port(2, OFF), port(3, OFF), nic("a", address(1)), vf(address(2)))
    locks = {c.get("index"): c.find("target") for c in domain.iter("controller") if c.get("index")}
    assert {n: dict(t.attrib) for n, t in locks.items() if t is not None} == {
        "1": {"chassis": "1", "hotplug": "off"},
        "2": {"chassis": "1"},
        "3": {"chassis": "1", "hotplug": "off"},
    }


def test_finds_the_port_of_a_vf_without_address() -> None:
    domain = keep(port(1, OFF), vf())
    assert domain.findall("devices/controller/target[@hotplug]") == []


@pytest.mark.parametrize(
    "devices",
    [
        pytest.param((vf(),), id="libvirt makes the port"),
        pytest.param((port(1), vf(address(1))), id="a port without target"),
        pytest.param(
            (
                *(port(1), port(2, model="pcie-switch-upstream-port")),
                *(port(3, model="pcie-switch-downstream-port"), vf(address(3))),
            ),
            id="a downstream port",
        ),
    ],
)
def test_accepts(devices: tuple[str, ...]) -> None:
    domain = tree(*devices)
    before = etree.tostring(domain)
    keep_unpluggable(lay_out(take_inventory(domain)), domain.findall("devices/hostdev"))
    assert etree.tostring(domain) == before


@pytest.mark.parametrize(
    ("devices", "what", "found", "expected"),
    [
        (
            (vf(address(0, 5)),),
            "a VF of a team needs a PCIe port of its own",
            "address 0000:00:05.0, on a pcie-root",
            "an address behind a pcie-root-port",
        ),
        (
            (port(1), port(2, model="pcie-to-pci-bridge"), vf(address(2, 3))),
            "a VF of a team needs a PCIe port of its own",
            "address 0000:02:03.0, on a pcie-to-pci-bridge",
            "an address behind a pcie-root-port",
        ),
        (
            (port(1), nic("a", address(1, 0, 0)), vf(address(1, 0, 1))),
            "a VF of a team shares its slot with another device",
            "slot of address 0000:01:00.1",
            "a slot of its own",
        ),
        (
            (vf("<address type='unassigned'/>"),),
            "a VF of a team takes no PCI address in the guest",
            "address of type 'unassigned'",
            "a PCI device of mode='subsystem', and an address of type='pci' if any",
        ),
        (
            (vf(attributes="mode='subsystem' type='usb'"),),
            "a VF of a team takes no PCI address in the guest",
            "{'mode': 'subsystem', 'type': 'usb'}",
            "a PCI device of mode='subsystem', and an address of type='pci' if any",
        ),
    ],
)
def test_refuses(devices: tuple[str, ...], what: str, found: str, expected: str) -> None:
    error = refusal(RequestError, keep, *devices)
    assert (error.what, error.found, error.expected) == (what, found, expected)
    assert error.where == "domain XML, <hostdev> with alias ua-sriov-vf"
    assert error.todo.startswith(WHY)
