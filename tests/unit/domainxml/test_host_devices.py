# SPDX-License-Identifier: Apache-2.0
"""The host's PCI devices in a domain's XML."""

from sidecar.domainxml.host_devices import read_guest_devices
from sidecar.errors import RequestError
from sidecar.model.guest import GuestDevice
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from tests.unit.domainxml.build import refusal

UUID = "7a2ab9c0-1111-4222-8333-444455556666"
ADDRESS = "<address {}domain='0x0000' bus='0x01' slot='0x10' function='0x{}'/>"


def domain(*devices: str) -> bytes:
    return (
        f"<domain><name>vm</name><uuid>{UUID}</uuid><devices>{''.join(devices)}</devices></domain>"
    ).encode()


def source(function: int, kind: str = "") -> str:
    return f"<source>{ADDRESS.format(kind, function)}</source>"


def test_hostdevs_interfaces_and_nvme_disks_are_found() -> None:
    found = read_guest_devices(
        domain(
            f"<disk type='nvme' device='disk'>{source(6)}</disk>",
            "<interface type='hostdev'><mac address='52:54:00:00:00:01'/>"
            + source(0, "type='pci' ")
            + "<alias name='ua-vf'/><address type='pci' bus='0x06' slot='0' function='0'/>"
            "</interface>",
            f"<hostdev mode='subsystem' type='pci'>{source(2)}<alias name='hostdev0'/></hostdev>",
        ),
        "paused",
        live=True,
    )

    def device(function: int, alias: str = "", mac: MacAddress | None = None) -> GuestDevice:
        vf = PciAddress(0, 1, 0x10, function)
        return GuestDevice("vm", UUID, "paused", live=True, vf=vf, alias=alias, mac=mac)

    mac = MacAddress("52:54:00:00:00:01")
    assert found == (device(6), device(0, "ua-vf", mac), device(2, "hostdev0"))


def test_what_is_no_pci_device_of_the_host_is_left_out() -> None:
    assert (
        read_guest_devices(
            domain(
                "<interface type='network'><source network='pool'/></interface>",
                "<hostdev mode='subsystem' type='usb'><source><address bus='1' device='3'/>"
                "</source></hostdev>",
                "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>"
                f"<address uuid='{UUID}'/></source></hostdev>",
                "<disk type='file'><source file='/x'/></disk>",
            ),
            "running",
            live=True,
        )
        == ()
    )


def test_an_address_that_is_none_is_an_error() -> None:
    broken = domain("<hostdev type='pci'><source><address bus='0x100'/></source></hostdev>")
    message = str(refusal(RequestError, read_guest_devices, broken, "running", live=True))
    assert "PCI bus is out of range; found 256" in message
