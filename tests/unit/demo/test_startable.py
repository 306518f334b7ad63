# SPDX-License-Identifier: Apache-2.0
"""A stand-in takes the same ports as the domain that it stands for."""

import pytest
from lxml import etree

from sidecar.domainxml.startable import count_root_ports, make_startable
from tests.support import RECORDINGS

CASES = sorted(path.name for path in RECORDINGS.iterdir())
DISK = "/nonexistent/empty.img"


def places(xml: bytes) -> list[str]:
    """PCI addresses of all devices of the guest; those of the host are not the guest's."""
    root = etree.fromstring(xml)
    found = root.iterfind("devices/*/address[@type='pci']")
    return sorted(str(sorted(address.attrib.items())) for address in found)


@pytest.mark.parametrize("name", CASES)
def test_every_address_stays_taken(name: str) -> None:
    original = (RECORDINGS / name / "final-libvirt.xml").read_bytes()
    startable = make_startable(original, "stand-in", DISK)
    assert places(startable.domain) == places(original)
    assert len(places(original)) >= 9
    assert count_root_ports(startable.domain) == count_root_ports(original)
    # KubeVirt's virtio-transitional devices sit behind a bridge.
    assert count_root_ports(original) >= {"root3": 0, "trans": 2}.get(name, 10)


@pytest.mark.parametrize("name", CASES)
def test_nothing_of_the_vms_host_is_left(name: str) -> None:
    original = (RECORDINGS / name / "final-libvirt.xml").read_bytes()
    root = etree.fromstring(make_startable(original, "stand-in", DISK).domain)
    assert root.get("type") == "qemu"
    assert {node.get("file") for node in root.iter("source") if node.get("file")} == {DISK}
    assert {node.get("type") for node in root.iter("interface")} == {"user"}
    assert not root.findall("devices/hostdev")
    assert b"/var/run/" not in etree.tostring(root)


def test_what_was_replaced_is_told() -> None:
    original = (RECORDINGS / "sriov" / "final-libvirt.xml").read_bytes()
    changes = make_startable(original, "stand-in", DISK).changes
    assert any("<hostdev> ua-sriov-vf" in change for change in changes)
    assert any("taps" in change for change in changes)


def test_a_transient_interface_becomes_no_nic() -> None:
    xml = b"""<domain><os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os><devices>
    <interface type='network'><source network='pool'/>
      <teaming type='transient' persistent='ua-a'/><alias name='ua-b'/>
      <address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/></interface>
    </devices></domain>"""
    root = etree.fromstring(make_startable(xml, "x", DISK).domain)
    assert not root.findall("devices/interface")
    assert root.find("devices/rng/address[@bus='0x01']") is not None
