# SPDX-License-Identifier: Apache-2.0
"""Which kind of slot each element takes; held against real libvirts by tests/oracle."""

import pytest

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.classify import (
    CLASSIFIERS,
    controller_flags,
    disk_bus,
    hostdev_flags,
    rules_for,
    video_flags,
)
from sidecar.domainxml.addressing.inventory import ORDER
from sidecar.domainxml.addressing.machine import read_machine
from tests.unit.domainxml.build import element, tree

PORT, SLOT, NONE = connect.EXPRESS_DEVICE, connect.CONVENTIONAL_DEVICE, 0
ON_BUS_0 = connect.INTEGRATED
Q35 = rules_for(read_machine(tree()), [])
PC = rules_for(read_machine(tree(machine="pc")), [])
VIRT = rules_for(read_machine(tree(machine="virt", arch="aarch64")), [])
PSERIES = rules_for(read_machine(tree(machine="pseries", arch="ppc64")), [])

VIRTIO_MODELS = [
    ("model='virtio'", PORT),
    ("model='virtio-non-transitional'", PORT),
    ("model='virtio-transitional'", SLOT),
]
TABLE = [
    ("<interface type='bridge'><model type='virtio'/></interface>", PORT),
    ("<interface type='bridge'><model type='virtio-non-transitional'/></interface>", PORT),
    ("<interface type='bridge'><model type='virtio-transitional'/></interface>", SLOT),
    ("<interface type='bridge'><model type='e1000e'/></interface>", PORT),
    ("<interface type='bridge'><model type='igb'/></interface>", PORT),
    ("<interface type='bridge'><model type='e1000'/></interface>", SLOT),
    ("<interface type='bridge'><model type='rtl8139'/></interface>", SLOT),
    ("<interface type='bridge'><model type='vmxnet3'/></interface>", SLOT),
    ("<interface type='bridge'><model type='usb-net'/></interface>", NONE),
    ("<interface type='bridge'><model type='spapr-vlan'/></interface>", NONE),
    ("<interface type='bridge'/>", SLOT),
    ("<interface type='vdpa'/>", PORT),
    ("<interface type='vhostuser'><backend type='passt'/></interface>", PORT),
    ("<interface type='vhostuser'><model type='rtl8139'/></interface>", SLOT),
    ("<interface type='bridge'><model type='VIRTIO'/></interface>", PORT),
    ("<interface type='bridge'><model type='RTL8139'/></interface>", SLOT),
    ("<disk><target dev='vda' bus='virtio'/></disk>", PORT),
    ("<disk><target dev='vda'/></disk>", PORT),
    ("<disk model='virtio-transitional'><target dev='vda' bus='virtio'/></disk>", SLOT),
    ("<disk><target dev='sda' bus='scsi'/></disk>", NONE),
    ("<disk><target dev='sda' bus='sata'/></disk>", NONE),
    ("<disk/>", NONE),
    ("<hostdev mode='subsystem' type='pci'/>", PORT),
    ("<hostdev type='pci'/>", PORT),
    ("<hostdev mode='capabilities' type='pci'/>", NONE),
    ("<hostdev mode='subsystem' type='usb'/>", NONE),
    ("<hostdev mode='subsystem' type='scsi'/>", NONE),
    ("<hostdev mode='subsystem' type='scsi_host'/>", PORT),
    ("<hostdev mode='subsystem' type='scsi_host' model='virtio-transitional'/>", SLOT),
    (
        (
            "<hostdev mode='subsystem' type='scsi_host' model='virtio-transitional'>"
            "<address type='pci' bus='2'/></hostdev>"
        ),
        PORT,
    ),
    ("<hostdev mode='subsystem' type='mdev' model='vfio-pci'/>", PORT),
    ("<hostdev mode='subsystem' type='mdev' model='vfio-ccw'/>", NONE),
    ("<filesystem/>", PORT),
    ("<filesystem model='virtio-transitional'/>", SLOT),
    ("<filesystem><driver type='virtiofs'/></filesystem>", PORT),
    ("<filesystem><driver type='mtp'/></filesystem>", NONE),
    ("<sound model='ich9'/>", SLOT),
    ("<sound model='ac97'/>", SLOT),
    ("<sound model='virtio'/>", PORT),
    ("<sound model='usb'/>", NONE),
    ("<video><model type='virtio'/></video>", PORT),
    ("<video><model type='bochs'/></video>", PORT),
    ("<video><model type='qxl'/></video>", SLOT),
    ("<video><model type='vga'/></video>", SLOT),
    ("<video><model type='ramfb'/></video>", NONE),
    ("<video><model type='none'/></video>", NONE),
    ("<video/>", SLOT),
    ("<memballoon model='none'/>", NONE),
    ("<memballoon model='xen'/>", NONE),
    *((f"<memballoon {model}/>", flags) for model, flags in VIRTIO_MODELS),
    *((f"<rng {model}/>", flags) for model, flags in VIRTIO_MODELS),
    *((f"<vsock {model}/>", flags) for model, flags in VIRTIO_MODELS),
    *((f"<input bus='virtio' {model}/>", flags) for model, flags in VIRTIO_MODELS),
    ("<input bus='usb'/>", NONE),
    ("<watchdog model='i6300esb'/>", SLOT),
    ("<watchdog model='itco'/>", NONE),
    ("<shmem/>", SLOT),
    ("<serial><target type='pci-serial'/></serial>", SLOT),
    ("<serial><target type='isa-serial'/></serial>", NONE),
    ("<serial/>", NONE),
    ("<iommu model='virtio'/>", PORT | ON_BUS_0),
    ("<iommu model='intel'/>", NONE),
    ("<memory model='virtio-mem'/>", PORT),
    ("<memory model='dimm'/>", NONE),
    ("<crypto/>", SLOT),
    ("<panic model='pvpanic'/>", SLOT | ON_BUS_0),
    ("<panic model='isa'/>", NONE),
    ("<panic/>", NONE),
    ("<pstore/>", SLOT),
    ("<panic/>", NONE),
    ("<input type='passthrough'/>", PORT),
    ("<input type='tablet'/>", NONE),
]


@pytest.mark.parametrize(("xml", "flags"), TABLE)
def test_on_q35(xml: str, flags: int) -> None:
    device = element(xml)
    assert CLASSIFIERS[str(device.tag)](device, Q35) == flags


def test_every_kind_is_in_the_table_and_has_its_turn() -> None:
    assert {element(xml).tag for xml, _ in TABLE} == set(CLASSIFIERS)
    assert set(ORDER) == set(CLASSIFIERS) | {"controller"}


@pytest.mark.parametrize(("xml", "flags"), TABLE)
def test_on_pc_all_slots_are_conventional(xml: str, flags: int) -> None:
    device = element(xml)
    expected = flags & ~PORT | SLOT if flags & PORT & ~SLOT else flags
    assert CLASSIFIERS[str(device.tag)](device, PC) == expected


def test_defaults_of_virt() -> None:
    assert CLASSIFIERS["interface"](element("<interface type='user'/>"), VIRT) == PORT
    assert video_flags(None, VIRT) == PORT
    assert video_flags(None, Q35) == SLOT
    assert hostdev_flags(element("<hostdev type='pci'/>"), VIRT) == PORT
    assert CLASSIFIERS["panic"](element("<panic/>"), VIRT) == SLOT | ON_BUS_0


def test_defaults_of_riscv() -> None:
    riscv = rules_for(read_machine(tree(machine="virt", arch="riscv64")), [])
    assert CLASSIFIERS["interface"](element("<interface type='user'/>"), riscv) == PORT
    assert CLASSIFIERS["panic"](element("<panic/>"), riscv) == NONE
    assert controller_flags("usb", None, riscv) == SLOT


def test_one_virtio_mmio_device_draws_all_virtio_devices_there() -> None:
    devices = [element("<rng><address type='virtio-mmio'/></rng>"), element("<disk/>")]
    rules = rules_for(VIRT.machine, devices)
    assert rules.virtio == 0
    assert CLASSIFIERS["rng"](element("<rng model='virtio-transitional'/>"), rules) == 0
    assert CLASSIFIERS["hostdev"](element("<hostdev type='pci'/>"), rules) == PORT
    assert controller_flags("scsi", "lsilogic", rules) == 0
    assert CLASSIFIERS["crypto"](element("<crypto/>"), rules) == 0
    # libvirt leaves these on PCI.
    assert CLASSIFIERS["vsock"](element("<vsock/>"), rules) == PORT
    assert CLASSIFIERS["filesystem"](element("<filesystem/>"), rules) == PORT


@pytest.mark.parametrize(
    ("address", "express"),
    [
        ("", False),
        ("<address type='virtio-mmio'/>", False),
        ("<address type='pci'/>", True),
        ("<address type='pci' bus='3'/>", True),
    ],
)
def test_a_pci_address_keeps_a_device_off_virtio_mmio(address: str, express: bool) -> None:
    devices = [element("<rng><address type='virtio-mmio'/></rng>")]
    rng = element(f"<rng model='virtio'>{address}</rng>")
    rules = rules_for(VIRT.machine, devices).for_element(rng)
    assert CLASSIFIERS["rng"](rng, rules) == (PORT if express else 0)


@pytest.mark.parametrize(
    ("kind", "model", "q35", "virt", "pseries"),
    [
        ("usb", None, SLOT, PORT, SLOT),
        ("usb", "qemu-xhci", PORT, PORT, SLOT),
        ("usb", "nec-xhci", PORT, PORT, SLOT),
        ("usb", "ich9-ehci1", SLOT, SLOT, SLOT),
        ("usb", "none", NONE, NONE, NONE),
        ("scsi", None, SLOT, SLOT, NONE),
        ("scsi", "virtio-scsi", PORT, PORT, SLOT),
        ("scsi", "virtio-non-transitional", PORT, PORT, SLOT),
        ("scsi", "virtio-transitional", SLOT, SLOT, SLOT),
        ("scsi", "lsilogic", SLOT, SLOT, SLOT),
        ("scsi", "ibmvscsi", NONE, NONE, NONE),
        ("virtio-serial", None, PORT, PORT, SLOT),
        ("virtio-serial", "virtio-transitional", SLOT, SLOT, SLOT),
        ("sata", None, SLOT, SLOT, SLOT),
        ("ide", None, SLOT, SLOT, SLOT),
        ("fdc", None, NONE, NONE, NONE),
        ("ccid", None, NONE, NONE, NONE),
    ],
)
def test_controllers(kind: str, model: str | None, q35: int, virt: int, pseries: int) -> None:
    assert [controller_flags(kind, model, rules) for rules in (Q35, VIRT, PSERIES)] == [
        *(q35, virt, pseries),
    ]


@pytest.mark.parametrize(
    ("target", "bus"),
    [
        ("<target dev='vda' bus='sata'/>", "sata"),
        ("<target dev='vda'/>", "virtio"),
        ("<target dev='sda'/>", "scsi"),
        ("<target dev='hda'/>", "ide"),
        ("<target dev='fda'/>", "ide"),
        ("<target dev='xvda'/>", "xen"),
        ("<target dev='nvme0'/>", "ide"),
        ("<target/>", "ide"),
        ("", ""),
    ],
)
def test_buses_of_disks(target: str, bus: str) -> None:
    assert disk_bus(element(f"<disk>{target}</disk>")) == bus
