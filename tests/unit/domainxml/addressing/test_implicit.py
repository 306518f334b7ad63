# SPDX-License-Identifier: Apache-2.0
"""What libvirt adds by itself; held against real libvirts by tests/oracle."""

import pytest

from sidecar.domainxml.addressing.implicit import (
    add_controllers,
    add_for_hostdevs,
    balloon,
    disk_number,
)
from sidecar.domainxml.addressing.machine import read_machine
from sidecar.errors import RequestError
from tests.unit.domainxml.build import element, refusal, tree

SCSI = [("scsi", number, None) for number in range(3)]
SERIAL = [("virtio-serial", number, None) for number in range(3)]
Q35 = [("usb", 0, "qemu-xhci"), ("sata", 0, None)]


def implied(*devices: str, machine: str = "s390-ccw-virtio") -> list[tuple[str, int, str | None]]:
    arch = "s390x" if machine.startswith("s390") else "x86_64"
    domain = tree(*devices, machine=machine, arch=arch)
    known = {
        (one.get("type", ""), int(one.get("index", "0"))): one.get("model")
        for one in domain.iterfind("devices/controller")
        if one.get("model") != "none"  # the tree's own
    }
    found: list[tuple[str, int, str | None]] = []
    add_for_hostdevs(domain, known, lambda *one: found.append(one))
    add_controllers(domain, read_machine(domain), known, lambda *one: found.append(one))
    return found


def disk(target: str, bus: str, address: str = "") -> str:
    return f"<disk><target dev='{target}' bus='{bus}'/>{address}</disk>"


def drive(number: object) -> str:
    return f"<address type='drive' controller='{number}'/>"


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        (disk("sda", "scsi"), [("scsi", 0, None)]),
        (disk("sdg", "scsi"), [("scsi", 0, None)]),
        (disk("sdh", "scsi"), [("scsi", 0, None), ("scsi", 1, None)]),
        (disk("sda", "scsi", drive(2)), [("scsi", n, None) for n in range(3)]),
        (disk("sdz", "scsi", drive(0)), [("scsi", 0, None)]),
        (disk("sdg", "sata"), [("sata", 0, None), ("sata", 1, None)]),
        (disk("hde", "ide"), [("ide", 0, None), ("ide", 1, None)]),
        (disk("vda", "virtio"), []),
        (disk("sda", "usb"), []),
        ("<channel><target type='virtio'/></channel>", [("virtio-serial", 0, None)]),
        (
            "<channel><target type='virtio'/><address controller='1'/></channel>",
            [("virtio-serial", 1, None)],
        ),
        ("<console><target type='virtio'/></console>", [("virtio-serial", 0, None)]),
        ("<console><target type='serial'/></console>", []),
        ("<channel/>", []),
        ("<hostdev type='scsi'/>", [("scsi", 0, None)]),
        ("<hostdev type='pci'/>", []),
        ("<hostdev mode='capabilities' type='scsi'/>", []),
        ("<hostdev type='scsi'><address controller='1'/></hostdev>", SCSI[:2]),
        ("<hostdev type='scsi'/>" * 7, SCSI[:1]),
        ("<hostdev type='scsi'/>" * 8, SCSI[:2]),
        (disk("sda", "scsi") + "<hostdev type='scsi'/>" * 7, SCSI[:2]),
        (
            (
                "<controller type='scsi' index='1' model='virtio-scsi'/>"
                "<hostdev type='scsi'><address controller='1'/></hostdev>"
            ),
            [("scsi", 0, "virtio-scsi")],
        ),
        ("<channel><target type='virtio'/></channel>" * 30, SERIAL[:1]),
        ("<channel><target type='virtio'/></channel>" * 31, SERIAL[:2]),
        ("<console><target type='virtio'/></console>" * 31, SERIAL[:1]),
        (
            (
                "<controller type='virtio-serial' index='0' ports='2'/>"
                "<channel><target type='virtio'/></channel>"
                "<channel><target type='virtio'/></channel>"
            ),
            SERIAL[1:2],
        ),
        (
            "<channel><target type='virtio'/><address controller='0' port='30'/></channel>"
            + "<channel><target type='virtio'/></channel>" * 30,
            SERIAL[:2],
        ),
    ],
)
def test_controllers_that_devices_imply(
    device: str, expected: list[tuple[str, int, str | None]]
) -> None:
    assert implied(device) == expected


def test_the_highest_counts_and_the_kinds_have_their_order() -> None:
    found = implied(
        "<channel><target type='virtio'/></channel>",
        disk("sda", "sata"),
        disk("hda", "ide"),
        disk("sdb", "scsi"),
        disk("sdo", "scsi"),
        disk("sdc", "scsi"),
    )
    assert [(kind, index) for kind, index, _ in found] == [
        *(("scsi", 0), ("scsi", 1), ("scsi", 2), ("ide", 0), ("sata", 0), ("virtio-serial", 0)),
    ]


def test_a_scsi_hostdev_has_its_controller_before_the_board_brings_any() -> None:
    found = implied("<hostdev type='scsi'/>", disk("sdh", "scsi"), machine="q35")
    assert found == [SCSI[0], *Q35, SCSI[1]]


def test_boards_bring_controllers() -> None:
    assert implied(machine="q35") == Q35
    assert implied(machine="pc") == [("usb", 0, None)]
    assert implied() == []


@pytest.mark.parametrize(
    ("device", "kind", "number"),
    [
        (disk("sda", "scsi", drive(2048)), "scsi", 2048),
        (disk("sda", "sata", drive(4_000_000_000)), "sata", 4_000_000_000),
        (disk("sdzzzz", "ide"), "ide", 118_813),
        ("<hostdev type='scsi'><address controller='99999'/></hostdev>", "scsi", 99_999),
    ],
)
def test_no_device_makes_thousands(device: str, kind: str, number: int) -> None:
    error = refusal(RequestError, implied, device)
    assert error.what == f"the device needs too many {kind} controllers"
    assert error.where == f"domain XML, <{element(device).tag}> in line 1"
    assert error.found == f"one for controller {number}, and all before it"
    assert error.expected == "a controller up to 2047"


def test_a_controller_is_a_decimal_number() -> None:
    error = refusal(RequestError, implied, disk("sda", "scsi", drive("0x1")))
    assert error.what == "attribute controller is no number"


@pytest.mark.parametrize(
    ("target", "number"),
    [
        *(("sda", 0), ("sdc", 2), ("sdz", 25), ("sdaa", 26), ("sdaz", 51), ("sdba", 52)),
        *(("vda1", 0), ("sdA", 0), ("sd", 0), ("", 0), ("sdaaa", 702)),
    ],
)
def test_numbers_of_disks(target: str, number: int) -> None:
    assert disk_number(element(f"<disk><target dev='{target}'/></disk>")) == number


@pytest.mark.parametrize(("arch", "expected"), [("x86_64", True), ("aarch64", False)])
def test_balloons(arch: str, expected: bool) -> None:
    assert balloon(read_machine(tree(arch=arch))) is expected
