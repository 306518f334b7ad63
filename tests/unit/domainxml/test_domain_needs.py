# SPDX-License-Identifier: Apache-2.0
from sidecar.domainxml.domain_needs import count_networks, read_needs
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from tests.support import RECORDINGS
from tests.unit.domainxml.trees import address, nic, port, written

VF = "<source><address type='pci' domain='0' bus='1' slot='0x10' function='2'/></source>"
POOL = "<interface type='network'><source network='pool'/></interface>"


def test_a_recorded_domain() -> None:
    needs = read_needs((RECORDINGS / "sriov" / "final-libvirt.xml").read_bytes())
    assert needs.name == "default_sriov"
    assert [one.alias for one in needs.devices] == ["ua-default", "ua-standby", "ua-sriov-vf"]
    assert needs.ports is not None
    assert needs.ports.free == 4
    assert needs.devices[2].address == PciAddress.parse("0000:65:00.1")


def test_what_a_device_says() -> None:
    half = nic("stay", "<teaming type='persistent'/>")
    vf = (
        f"<interface type='hostdev' managed='yes'>{VF}<mac address='52:54:00:00:00:02'/>"
        "<teaming type='transient' persistent='ua-stay'/></interface>"
    )
    first, second, third = read_needs(written(half, vf, POOL)).devices
    assert (first.team, first.model, first.emulated) == ("persistent", "virtio", True)
    assert (second.team, second.partner, second.emulated) == ("transient", "ua-stay", False)
    assert second.managed
    assert second.address == PciAddress.parse("0000:01:10.2")
    assert second.mac == MacAddress("52:54:00:00:00:02")
    assert (third.network, third.model, third.managed) == ("pool", None, False)


def test_usb_hostdevs_and_placeholders_are_none_of_it() -> None:
    usb = "<hostdev mode='subsystem' type='usb'><source><vendor id='1'/></source></hostdev>"
    held = "<interface type='ethernet'><target dev='placeholder-1' managed='no'/></interface>"
    assert read_needs(written(usb, held)).devices == ()


def test_buses_that_are_full_are_no_error_but_a_problem() -> None:
    needs = read_needs(written(*[nic(f"n{number}") for number in range(300)]))
    assert needs.ports is None
    assert needs.problem
    one = read_needs(written(port(1), nic("a", address(1))))
    assert one.ports is not None
    assert (one.ports.free, one.problem) == (0, "")


def test_interfaces_are_counted_by_their_network() -> None:
    lan = "<interface type='network'><source network='lan'/></interface>"
    bridge = "<interface type='bridge'><source network='pool' bridge='br0'/></interface>"
    assert count_networks(written(POOL, lan, POOL, bridge)) == {"pool": 2, "lan": 1}
