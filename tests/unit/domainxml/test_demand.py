# SPDX-License-Identifier: Apache-2.0
"""What must be free so that KubeVirt can plug what was asked."""

import pytest
from lxml import etree

from sidecar.domainxml.addressing.machine import read_machine
from sidecar.domainxml.demand import Demand, read_demand
from sidecar.domainxml.mutate import mutate
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.topology import read_topology
from sidecar.errors import RequestError
from sidecar.model.request import DeviceTotal, Network, Request, TeamingPair
from tests.unit.domainxml.build import refusal, tree
from tests.unit.domainxml.trees import nic, written

FIVE = DeviceTotal(5, 1, "the total")
DISK = "<disk><target dev='vda' bus='virtio'/><alias name='ua-{}'/></disk>"


def demand(request: Request, *devices: str, machine: str = "q35", arch: str = "x86_64") -> Demand:
    domain = tree(*devices, machine=machine, arch=arch)
    return read_demand(domain, read_machine(domain), request)


@pytest.mark.parametrize(
    ("request_", "ports", "slots"),
    [
        (Request(), 0, 0),
        (Request(interfaces=FIVE, disks=FIVE, host_devices=FIVE), 12, 0),
        (Request(interfaces=FIVE, disks=FIVE, host_devices=FIVE, transitional=True), 4, 8),
        (Request(host_devices=FIVE, root_complex=True), 4, 0),
        (Request(interfaces=DeviceTotal(1, 1, "w"), root_complex=True), 0, 0),
    ],
)
def test_by_kind(request_: Request, ports: int, slots: int) -> None:
    assert demand(request_) == Demand(ports, slots)


@pytest.mark.parametrize("kind", ["interfaces", "disks"])
@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_the_root_complex_takes_no_nics_and_disks(kind: str, machine: str) -> None:
    request = Request(**{kind: FIVE}, root_complex=True)  # type: ignore[arg-type] # by name
    error = refusal(RequestError, demand, request, machine=machine)
    assert error.where == "the total"
    assert "placePCIDevicesOnRootComplex" in error.found
    assert error.expected.startswith("at most 1")


def test_transitional_devices_of_pc_take_its_slots() -> None:
    assert demand(Request(interfaces=FIVE, transitional=True), machine="pc") == Demand(4, 0)


@pytest.mark.parametrize(
    ("devices", "ports"),
    [
        ((), 4),
        ((nic("plug"),), 3),
        (("<hostdev type='pci'><alias name='ua-sriov-plug'/></hostdev>",), 3),
        ((nic("other"),), 4),
    ],
)
def test_an_interface_of_a_binding_plugin_counts_if_it_is_there(
    devices: tuple[str, ...], ports: int
) -> None:
    bound = frozenset({"plug"})
    total = DeviceTotal(5, 1, "w", bound)
    assert demand(Request(interfaces=total, bound=bound), *devices) == Demand(ports)


@pytest.mark.parametrize(("devices", "ports"), [((), 5), ((nic("plug"),), 4)])
def test_a_plugin_that_comes_after_us_finds_a_port_beside_those_asked(
    devices: tuple[str, ...], ports: int
) -> None:
    assert demand(Request(disks=FIVE, bound=frozenset({"plug"})), *devices) == Demand(ports)


@pytest.mark.parametrize(("devices", "ports"), [((), 4), ((DISK.format("hot"),), 3)])
def test_a_hotplugged_volume_counts_if_it_is_there(devices: tuple[str, ...], ports: int) -> None:
    disks = DeviceTotal(5, 1, "w", frozenset({"hot"}))
    assert demand(Request(disks=disks), DISK.format("root"), *devices) == Demand(ports)


def test_a_bridge_that_is_not_there_has_no_slots() -> None:
    request = Request(interfaces=FIVE, transitional=True)
    error = refusal(RequestError, mutate, written(nic("a")), request, Planner())
    assert error.where == "VMI, at $.spec.domain.devices.useVirtioTransitional"
    assert (error.found, error.expected) == ("0 free slots", "at least 4")


def test_a_transitional_nic_is_named_as_the_cause_that_it_does_not_team() -> None:
    transitional = nic("a").replace("type='virtio'", "type='virtio-transitional'")
    vf = "<hostdev type='pci'><alias name='ua-sriov-b'/></hostdev>"
    request = Request(
        networks=(Network("a"), Network("b", sriov=True)),
        teaming=(TeamingPair("b", "a", "w"),),
        transitional=True,
    )
    error = refusal(RequestError, mutate, written(transitional, vf), request, Planner())
    assert "useVirtioTransitional" in error.found


def without_acpi(machine: str, arch: str = "x86_64") -> bytes:
    domain = tree(nic("a"), machine=machine, arch=arch)
    for features in domain.findall("features"):
        domain.remove(features)
    return etree.tostring(domain)


def test_pc_without_acpi_has_nothing_free() -> None:
    topology = read_topology(without_acpi("pc"))
    assert topology.ports.free == 0
    assert topology.ports.total == 31
    assert not any(bus.pluggable for bus in topology.buses)
    error = refusal(RequestError, mutate, without_acpi("pc"), Request(disks=FIVE), Planner())
    assert (error.where, error.what) == (
        "the total",
        "nothing can be plugged into machine pc without ACPI",
    )


@pytest.mark.parametrize(
    ("machine", "arch"), [("q35", "x86_64"), ("virt", "aarch64"), ("pseries", "ppc64")]
)
def test_other_machines_plug_without_acpi(machine: str, arch: str) -> None:
    done = mutate(without_acpi(machine, arch), Request(disks=FIVE), Planner())
    assert done.after is not None
    assert done.after.free >= 4
