# SPDX-License-Identifier: Apache-2.0
"""``<qemu:commandline>``: which PCI devices it brings, and where ours go beside them."""

import pytest
from lxml import etree

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.mutate import Mutation, mutate
from sidecar.domainxml.reservation.commandline import NAMESPACE, CommandLine, read_command_line
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.model.request import DeviceTotal, Request
from tests.unit.domainxml.build import refusal
from tests.unit.domainxml.trees import address, nic, port, written

NINE = Request(interfaces=DeviceTotal(9, 1, "annotation portside.io/interfaces"))


def domain(*devices: str, args: tuple[str, ...], machine: str = "q35") -> bytes:
    root = etree.fromstring(written(*devices, machine=machine))
    line = etree.SubElement(root, f"{{{NAMESPACE}}}commandline", nsmap={"qemu": NAMESPACE})
    for value in args:
        etree.SubElement(line, f"{{{NAMESPACE}}}arg", value=value)
    return etree.tostring(root)


def read(*args: str, devices: tuple[str, ...] = ()) -> CommandLine:
    return read_command_line(etree.fromstring(domain(*devices, args=args)))


def device(*args: str, devices: tuple[str, ...] = ()) -> tuple[str, int, Place | None]:
    (only,) = read(*args, devices=devices).devices
    return only.model, only.bus, only.place


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("nvme,drive=d,serial=1", ("nvme", 0, None)),
        ("driver=nvme,drive=d", ("nvme", 0, None)),
        ("edu,addr=5", ("edu", 0, Place(0, 5))),
        ("edu,addr=0x1e.3,bus=pcie.0", ("edu", 0, Place(0, 0x1E, 3))),
        ("edu,addr=1f", ("edu", 0, Place(0, 0x1F))),
        ("edu,addr=rubbish", ("edu", 0, None)),
        ("edu,romfile=a,,addr=7", ("edu", 0, None)),
        ('{"driver":"edu"}', ("edu", 0, None)),
        ('{"driver":"edu","addr":"0x5","bus":"pci.0"}', ("edu", 0, Place(0, 5))),
        ('{"driver":"edu","addr":42}', ("edu", 0, Place(0, 5, 2))),
        ("edu,bus=pci.3", ("edu", 3, Place(3, 0))),
        ("pvpanic-pci", ("pvpanic-pci", 0, None)),
        ("usb-ehci", ("usb-ehci", 0, None)),
        ("made-up-by-somebody", ("made-up-by-somebody", 0, None)),
    ],
)
@pytest.mark.parametrize("option", ["-device", "--device"])
def test_pci_devices(option: str, value: str, found: tuple[str, int, Place | None]) -> None:
    assert device(option, value) == found


def test_a_bus_by_the_controllers_alias() -> None:
    aliased = port(4, "<alias name='ua-mine'/>")
    found = device("-device", "edu,bus=ua-mine", devices=(port(1), port(2), port(3), aliased))
    assert found == ("edu", 4, Place(4, 0))


def test_a_virtio_drive_is_a_device() -> None:
    assert device("-drive", "file=a,if=virtio") == ("virtio-blk-pci", 0, None)


@pytest.mark.parametrize(
    "args",
    [
        ("-device", "usb-tablet"),
        ("-device", "isa-debugcon,chardev=c"),
        ("-device", "virtio-net-device,netdev=n"),
        ("-device", "virtio-blk-ccw,drive=d"),
        ("-device", "intel-iommu"),
        ("-device", "edu,bus=of-a-port-of-its-own"),
        ("-device", "{not json"),
        ("-device", '{"driver":5}'),
        ("-device",),
        ("-device", "-drive"),
        ("-drive", "if=none,id=d,file=a"),
        ("-netdev", "user,id=n"),
        ("-net", "user"),
        ("-nic", "none"),
        ("-cpu", "max"),
    ],
)
def test_what_is_no_pci_device_of_ours(args: tuple[str, ...]) -> None:
    assert read(*args) == CommandLine()


@pytest.mark.parametrize(
    "args", [("-nic", "user"), ("-net", "nic"), ("-readconfig", "f"), ("-usb",)]
)
def test_what_nobody_can_tell_is_refused(args: tuple[str, ...]) -> None:
    assert read(*args).unknown == (args[0],)
    error = refusal(RequestError, mutate, domain(nic("a"), args=args), NINE, Planner())
    assert (error.where, error.found) == ("domain XML, <qemu:commandline>", args[0])


def test_a_machine_on_the_command_line_is_noted() -> None:
    args = ("-machine", "type=pc-q35-3.1,accel=kvm")
    done = mutate(domain(nic("a"), args=args), NINE, Planner())
    (note,) = done.notes
    assert note == (
        "qemu:commandline overrides the machine type (pc-q35-3.1): the ports are those of the "
        "type in <os>"
    )
    assert read("-M", "q35,smm=on").machine == "q35"
    assert read("-machine", "accel=kvm").machine == ""


def slots(done: Mutation) -> list[str]:
    tree = etree.fromstring(done.domain)
    found = tree.iterfind("devices/controller[@model='pcie-root-port']/address")
    return [f"{at.get('slot')}.{str(at.get('function')).removeprefix('0x')}" for at in found]


@pytest.mark.parametrize(
    ("args", "first"),
    [
        (("-device", "nvme"), "0x1e"),
        (("-device", "edu,addr=2"), "0x1e"),
        (("-device", "edu,addr=1e"), "0x1d"),
        (("-device", "edu,addr=1e", "-device", "edu,addr=1d"), "0x1c"),
    ],
)
def test_ports_go_to_the_end_of_bus_0(args: tuple[str, ...], first: str) -> None:
    done = mutate(domain(nic("a"), args=args), NINE, Planner())
    assert slots(done)[:2] == [f"{first}.0", f"{first}.1"]
    assert done.after is not None
    assert done.after.free >= 8
    assert "out of their way" in done.notes[0]


def test_devices_without_address_keep_the_first_slots() -> None:
    # 28 slots of bus 0 are free, and each of the devices takes one.
    args = ("-device", "edu") * 27
    done = mutate(domain(nic("a"), args=args), NINE, Planner())
    assert {slot.partition(".")[0] for slot in slots(done)} == {"0x1e"}
    refusal(CapacityError, mutate, domain(nic("a"), args=args + args[:4]), NINE, Planner())


@pytest.mark.parametrize("bus", ["pci.2", "pci.40"])
@pytest.mark.parametrize("placeholder", [False, True])
def test_a_device_in_a_free_port_is_refused(bus: str, placeholder: bool) -> None:
    held = (
        "<interface type='ethernet'><target dev='placeholder-0' managed='no'/>"
        f"<model type='virtio'/>{address(2)}</interface>"
    )
    devices = (port(1), port(2), nic("a", address(1)), *((held,) if placeholder else ()))
    xml = domain(*devices, args=("-device", f"edu,bus={bus}"))
    error = refusal(RequestError, mutate, xml, NINE, Planner())
    assert error.found.startswith("edu at 0000:")


def test_a_device_in_a_port_that_libvirt_has_taken_is_not_ours_to_judge() -> None:
    xml = domain(port(1), nic("a", address(1)), args=("-device", "edu,bus=pci.1,addr=0.1"))
    assert mutate(xml, NINE, Planner()).after is not None


@pytest.mark.parametrize(("value", "total", "kept"), [("edu", 3, False), ("edu,addr=8", 6, True)])
def test_on_pc_libvirt_stops_at_the_device(value: str, total: int, kept: bool) -> None:
    xml = domain(nic("a"), args=("-device", value), machine="pc")
    request = Request(interfaces=DeviceTotal(total, 1, "w"))
    if kept:
        assert mutate(xml, request, Planner()).after is not None
        more = Request(interfaces=DeviceTotal(total + 2, 1, "w"))
        refusal(RequestError, mutate, xml, more, Planner())
    else:
        refusal(RequestError, mutate, xml, request, Planner())


def test_nothing_asked_nothing_refused() -> None:
    xml = domain(nic("a"), args=("-nic", "user"))
    assert mutate(xml, Request(interfaces=DeviceTotal(1, 1, "w")), Planner()).domain == xml
