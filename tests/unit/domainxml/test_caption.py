# SPDX-License-Identifier: Apache-2.0
"""What devices are called."""

import pytest

from sidecar.domainxml.caption import DeviceKind
from sidecar.domainxml.topology import read_topology
from tests.unit.domainxml.trees import nic, recorded, written


def test_labels_of_a_recorded_boot() -> None:
    devices = {d.caption.title: d.caption for d in recorded("sriov", "final-libvirt").devices}
    assert set(devices) == {
        *("NIC default", "NIC standby", "VF vf", "disk vda", "disk vdb", "SCSI controller"),
        *("virtio-serial", "SATA controller", "balloon", "RNG", "video", "ISA bridge", "SMBus"),
    }
    assert devices["NIC default"].facts == ("52:54:00:00:00:01",)
    assert devices["VF vf"].facts == ("0000:65:00.1",)
    assert devices["VF vf"].kind is DeviceKind.VF
    assert devices["disk vda"].facts == ("containerdisk",)
    assert devices["SMBus"].kind is DeviceKind.CHIPSET


@pytest.mark.parametrize(
    ("element", "title", "facts"),
    [
        (nic("net1", "<teaming type='persistent'/>"), "NIC net1", "52:54:00:00:00:01 persistent"),
        (
            (
                "<interface type='hostdev'><mac address='52:54:00:00:00:02'/><source>"
                "<address type='pci' bus='0x65' slot='0' function='2'/></source>"
                "<teaming type='transient' persistent='ua-net1'/><alias name='ua-fast'/>"
                "</interface>"
            ),
            "VF fast",
            "0000:65:00.2 52:54:00:00:00:02 transient of net1",
        ),
        (
            (
                "<interface type='network'><source network='pool0'/><model type='virtio'/>"
                "<teaming type='transient' persistent='ua-net1'/><alias name='ua-portside-p'/>"
                "</interface>"
            ),
            "VF p",
            "pool pool0 transient of net1",
        ),
        (
            (
                "<hostdev mode='subsystem' type='pci'>"
                "<source><address bus='0x3b' slot='2'/></source>"
                "<alias name='ua-gpu-a'/></hostdev>"
            ),
            "host device gpu-a",
            "0000:3b:02.0",
        ),
        (
            (
                "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source>"
                "<address uuid='c2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>"
            ),
            "host device",
            "c2177883-f1bb-47f0-914d-32a22e3a8804",
        ),
        ("<controller type='usb' index='1' model='qemu-xhci'/>", "USB controller 1", "qemu-xhci"),
        ("<input type='tablet' bus='virtio'/>", "input tablet", ""),
        ("<watchdog model='i6300esb'/>", "watchdog", "i6300esb"),
        (
            "<filesystem type='mount'><target dir='share'/></filesystem>",
            "filesystem",
            "share",
        ),
        (
            "<disk type='file' device='lun'><target dev='vdc' bus='virtio'/></disk>",
            "lun vdc",
            "",
        ),
        ("<interface type='user'/>", "NIC user", ""),
    ],
)
def test_a_device_is_called(element: str, title: str, facts: str) -> None:
    devices = read_topology(written(element)).devices
    found = [d.caption for d in devices if d.caption.kind is not DeviceKind.CHIPSET]
    assert (title, facts) in [(caption.title, " ".join(caption.facts)) for caption in found]


def test_no_control_character_leaves_the_xml() -> None:
    evil = nic("a&#10;b&#155;31m&#8238;c").replace("ua-", "  ua-")
    domain = written(evil).replace(b"<name>vm", "<name>\u009b2J".encode())
    topology = read_topology(domain)
    texts = [topology.name, *(d.caption.title for d in topology.devices)]
    assert all(text.isprintable() for text in texts)
    assert "a\N{REPLACEMENT CHARACTER}b" in "".join(texts)
