# SPDX-License-Identifier: Apache-2.0
"""A VF's XML, of each kind; what libvirt makes of it is shown on the card."""

import pytest

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.pools.rules.device_xml import DeviceAs, VfDevice, format_device

ADDRESS = 'domain="0x0000" bus="0x01" slot="0x10" function="0x2"'
VF = PciAddress(0, 1, 16, 2)
MAC = MacAddress("52:54:00:00:00:01")


def device(kind: DeviceAs, *, managed: bool = True) -> str:
    full = VfDevice(kind, "ua-vf", "pool", VF, managed, MAC, 42, "ua-net0")
    return format_device(full).decode()


TEAM = '<alias name="ua-vf"/><teaming type="transient" persistent="ua-net0"/>'


@pytest.mark.parametrize(
    ("kind", "xml"),
    [
        (
            DeviceAs.NETWORK,
            (
                '<interface type="network"><mac address="52:54:00:00:00:01"/>'
                '<source network="pool"/><model type="virtio"/><vlan><tag id="42"/></vlan>'
                f"{TEAM}</interface>"
            ),
        ),
        (
            DeviceAs.INTERFACE,
            (
                '<interface type="hostdev" managed="yes"><mac address="52:54:00:00:00:01"/>'
                f'<source><address type="pci" {ADDRESS}/></source><vlan><tag id="42"/></vlan>{TEAM}'
                "</interface>"
            ),
        ),
        # It has no place for a MAC address or a VLAN: both are set through the PF.
        (
            DeviceAs.HOSTDEV,
            (
                '<hostdev mode="subsystem" type="pci" managed="yes">'
                f"<source><address {ADDRESS}/></source>{TEAM}</hostdev>"
            ),
        ),
    ],
)
def test_a_vf_with_everything(kind: DeviceAs, xml: str) -> None:
    assert device(kind) == xml


def test_a_pool_that_is_not_managed_says_so() -> None:
    assert 'managed="no"' in device(DeviceAs.HOSTDEV, managed=False)
    assert 'managed="no"' in device(DeviceAs.INTERFACE, managed=False)


def test_what_is_not_asked_for_is_not_there() -> None:
    plain = format_device(VfDevice(DeviceAs.INTERFACE, "ua-vf", "pool", VF, managed=True)).decode()
    assert plain == (
        f'<interface type="hostdev" managed="yes"><source><address type="pci" {ADDRESS}/></source>'
        '<alias name="ua-vf"/></interface>'
    )
