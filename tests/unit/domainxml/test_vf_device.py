# SPDX-License-Identifier: Apache-2.0
"""The VF that is meant, among a domain's devices."""

import pytest
from lxml import etree

from sidecar.domainxml.vf_device import Wanted, find_devices
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress

MAC = MacAddress("52:54:00:00:00:01")
DOMAIN = b"""\
<domain><name>vm</name><devices>
  <interface type='network'><mac address='52:54:00:00:00:01'/><source network='default'/>
    <model type='virtio'/><alias name='ua-net0'/><teaming type='persistent'/></interface>
  <interface type='hostdev'><mac address='52:54:00:00:00:01'/>
    <source><address type='pci' domain='0x0000' bus='0x01' slot='0x10' function='0x0'/></source>
    <alias name='ua-vf0'/></interface>
  <interface type='network'><mac address='52:54:00:00:00:02'/><source network='pool'/>
    <alias name='ua-vf1'/></interface>
  <hostdev mode='subsystem' type='pci'>
    <source><address domain='0x0000' bus='0x01' slot='0x10' function='0x4'/></source></hostdev>
  <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source>
    <alias name='ua-vf0'/></hostdev>
</devices></domain>
"""
FIRST, THIRD = PciAddress(0, 1, 16, 0), PciAddress(0, 1, 16, 4)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(alias="ua-vf0"), [("ua-vf0", FIRST)]),
        (Wanted(alias="ua-vf1"), [("ua-vf1", None)]),
        # The persistent half of a team is no VF.
        (Wanted(alias="ua-net0"), []),
        (Wanted(mac=MAC), [("ua-vf0", FIRST)]),
        (Wanted(mac=MacAddress("52:54:00:00:00:02")), [("ua-vf1", None)]),
        (Wanted(vf=THIRD), [("", THIRD)]),
        (Wanted(vf=PciAddress(0, 1, 16, 6)), []),
    ],
)
def test_finds(wanted: Wanted, found: list[tuple[str, PciAddress | None]]) -> None:
    assert [(one.alias, one.vf) for one in find_devices(DOMAIN, wanted, ("pool",))] == found


def test_the_xml_is_that_of_the_device_alone() -> None:
    (found,) = find_devices(DOMAIN, Wanted(vf=THIRD), ())
    element = etree.fromstring(found.xml)
    assert (element.tag, element.tail) == ("hostdev", None)
    assert b"slot='0x10' function='0x4'".replace(b"'", b'"') in found.xml


def test_an_interface_of_another_network_is_no_vf() -> None:
    assert find_devices(DOMAIN, Wanted(alias="ua-vf1"), ()) == ()


def test_what_is_wanted_is_named() -> None:
    assert str(Wanted(alias="ua-x")) == "alias ua-x"
    assert str(Wanted(mac=MAC)) == "MAC address 52:54:00:00:00:01"
    assert str(Wanted(vf=FIRST)) == "VF 0000:01:10.0"
