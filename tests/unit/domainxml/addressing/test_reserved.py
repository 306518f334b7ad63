# SPDX-License-Identifier: Apache-2.0
"""Addresses that are somebody's already; tests/oracle/test_kinds.py asks libvirt the same."""

import pytest

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import lay_out
from sidecar.domainxml.document import parse_domain
from sidecar.domainxml.mutate import mutate
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.model.request import DeviceTotal, Request
from tests.unit.domainxml.build import layout, refusal
from tests.unit.domainxml.trees import address, nic, port, written

SATA = "<controller type='sata' index='0'>{}</controller>"
IDE = "<controller type='ide' index='0'/>"
BRIDGED = (
    "<interface type='ethernet'><mac address='52:54:00:00:00:01'/><model type='rtl8139'/>"
    f"<alias name='ua-old'/>{address(1, 6)}</interface>"
)


@pytest.mark.parametrize(
    ("machine", "devices", "where"),
    [
        ("q35", (nic("a", address(0, 0x1F)),), "and the board's ISA bridge"),
        ("q35", (nic("a", address(0, 0x1F, 3)),), "and the board's SMBus"),
        ("q35", (nic("a", address(0, 0x1F, 2)),), "and the controller-sata that libvirt adds"),
        ("pc", (nic("a", address(0, 1)),), "and the board's ISA bridge"),
        ("pc", (nic("a", address(0, 1, 3)),), "and the board's power management"),
        ("pc", (nic("a", address(0, 1, 1)), IDE), "and <controller type='ide' index='0'>"),
    ],
)
def test_what_a_board_has_is_nobody_elses(
    machine: str, devices: tuple[str, ...], where: str
) -> None:
    error = refusal(RequestError, layout, *devices, machine=machine)
    assert error.what == "two devices claim one PCI address"
    assert error.where == f"domain XML, <interface> with alias ua-a {where}"


@pytest.mark.parametrize(
    ("machine", "device"),
    [
        ("q35", nic("a", address(0, 0x1F, 1))),
        ("q35", nic("a", address(0, 1))),
        ("q35", SATA.format(address(0, 0x1F, 2))),
        ("pc", nic("a", address(0, 1, 1))),
        ("pc", nic("a", address(0, 2))),
        ("virt", nic("a", address(0, 0x1F))),
    ],
)
def test_what_no_board_has_is_free(machine: str, device: str) -> None:
    arch = "aarch64" if machine == "virt" else "x86_64"
    assert layout(device, machine=machine, arch=arch)


def test_a_controller_of_the_board_has_no_other_address() -> None:
    error = refusal(RequestError, layout, SATA.format(address(0, 9)))
    assert str(error) == (
        "domain XML, <controller type='sata' index='0'>: the board has this controller at another "
        "PCI address; found 0000:00:09.0; expected 0000:00:1f.2, or no address"
    )


def test_a_port_sits_on_no_port() -> None:
    error = refusal(RequestError, layout, port(1), port(2, address(1)))
    assert error.what == "a PCI address is on a bus that takes no such device"
    assert error.found == "0000:01:00.0, on a pcie-root-port"


def test_libvirt_makes_no_bus_for_what_is_integrated() -> None:
    panic = f"<panic model='pvpanic'>{address(1)}</panic>"
    assert refusal(CapacityError, layout, panic)
    error = refusal(RequestError, layout, port(1), panic)
    assert error.expected == "bus 0"


def test_a_bridge_to_come_moves_its_device_one_bus_on() -> None:
    found = layout(BRIDGED)
    assert [bus.model for bus in found.buses.buses[:3]] == [
        *("pcie-root", "pcie-root-port", "pcie-to-pci-bridge"),
    ]
    assert [p for o, p in found.places.items() if getattr(o, "kind", "") == "interface"] == [
        Place(2, 6)
    ]


def test_where_the_bridge_is_written_so_is_the_device() -> None:
    request = Request(interfaces=DeviceTotal(3, 0, "test"))
    done = mutate(written(BRIDGED), request, Planner())
    assert done.after is not None
    assert done.after.free == 3
    places = lay_out(take_inventory(parse_domain(done.domain))).places
    assert [p for o, p in places.items() if getattr(o, "kind", "") == "interface"] == [Place(2, 6)]
    assert mutate(done.domain, request, Planner()).domain == done.domain


def test_pc_without_acpi_plugs_nothing() -> None:
    request = Request(interfaces=DeviceTotal(3, 0, "test"))
    bare = written(nic("a"), machine="pc", acpi=False)
    error = refusal(RequestError, mutate, bare, request, Planner())
    assert str(error) == (
        "test: nothing can be plugged into machine pc without ACPI; found 3, and a domain without "
        "<features><acpi/>; expected ACPI, or as many as the VM defines. Do not disable "
        "spec.domain.features.acpi, or use machine type q35."
    )
    assert mutate(written(nic("a"), machine="pc"), request, Planner()).after is not None
    assert mutate(written(nic("a"), acpi=False), request, Planner()).after is not None
