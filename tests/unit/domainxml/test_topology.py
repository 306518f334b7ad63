# SPDX-License-Identifier: Apache-2.0
"""The PCI tree of recorded, written and generated domains."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.machine import Chipset
from sidecar.domainxml.comparison import compare
from sidecar.domainxml.topology import PciBus, PortState, Topology, read_topology
from sidecar.errors import PortsideError
from sidecar.model.ports import MachineFamily
from tests.property.domains import domains
from tests.support import RECORDINGS
from tests.unit.domainxml.trees import address, nic, port, recorded, states, written

BOOTS = sorted(folder.name for folder in RECORDINGS.iterdir())
SATA = Place(0, 0x1F, 2)
BUILT_IN = {Place(0, 0x1F, 0), Place(0, 0x1F, 3)}


def built_in(topology: Topology) -> set[Place]:
    return BUILT_IN if topology.machine.chipset is Chipset.Q35 else set()


def titles(topology: Topology) -> dict[Place, str]:
    return {device.place: device.caption.title for device in topology.devices}


@pytest.mark.parametrize("boot", BOOTS)
@pytest.mark.parametrize("name", ["pass1-libvirt", "pass2-libvirt", "final-libvirt"])
def test_libvirts_own_xml_is_shown_as_it_is(boot: str, name: str) -> None:
    topology = recorded(boot, name)
    domain = ET.parse(RECORDINGS / boot / f"{name}.xml")
    places = {
        Place(*(int(at.get(part, "0"), 16) for part in ("bus", "slot", "function")))
        for at in domain.iterfind("devices/*/address[@type='pci']")
    }
    ports = domain.findall("devices/controller[@model='pcie-root-port']")
    shown = {device.place for device in topology.devices}
    shown |= {bus.place for bus in topology.buses if bus.place}
    assert shown == places | built_in(topology)
    assert all(device.stands for device in topology.devices)
    assert not any(bus.implicit for bus in topology.buses)
    taken = {place.bus for place in places}
    expected = {int(p.get("index", "")): int(p.get("index", "")) in taken for p in ports}
    held = {PortState.TAKEN, PortState.HELD}
    assert {index: state in held for index, state in states(topology).items()} == expected


@pytest.mark.parametrize("boot", BOOTS)
def test_unplaced_devices_sit_where_libvirt_puts_them(boot: str) -> None:
    sent, defined = recorded(boot, "pass1-to-hook"), recorded(boot, "pass1-libvirt")
    assert titles(sent) == titles(defined)
    assert states(sent) == states(defined)
    given = {device.place for device in sent.devices if device.stands}
    on_root = {place for place in titles(sent) if place.bus == 0 and place.slot > 1}
    # KubeVirt places devices itself only where they are to sit on the root complex.
    assert given == (on_root - {SATA} if boot == "root3" else built_in(sent))
    assert all(bus.implicit for bus in sent.buses)


def test_placeholders_hold_their_ports() -> None:
    held = [i for i, state in states(recorded("nic1", "pass1-to-hook")).items() if state == "held"]
    assert held == [2, 3, 4]
    assert "held" not in states(recorded("nic1", "final-libvirt")).values()


def test_ports_that_cannot_be_plugged_are_locked_or_taken() -> None:
    off = "<target hotplug='off'/>"
    topology = read_topology(
        written(port(1, off), port(2, off), port(3), nic("a", address(2)), nic("b", address(3)))
    )
    assert states(topology) == {1: "locked", 2: "taken", 3: "taken"}
    assert [bus.pluggable for bus in topology.buses[1:]] == [False, False, True]
    assert topology.ports.free == 0


def test_switches_expanders_and_bridges_nest() -> None:
    topology = read_topology(
        written(
            port(1, "<target busNr='180'/>", "pcie-expander-bus"),
            port(2, address(1)),
            port(3, address(2), "pcie-switch-upstream-port"),
            port(4, address(3), "pcie-switch-downstream-port"),
            port(5, address(3, 1), "pcie-switch-downstream-port"),
            nic("deep", address(5)),
            "<watchdog model='i6300esb'/>",
        )
    )
    parents = {child.index: bus.index for bus in topology.buses for child in bus.buses}
    assert {index: parents[index] for index in (1, 2, 3, 4, 5)} == {1: 0, 2: 1, 3: 2, 4: 3, 5: 3}
    assert states(topology)[5] == "taken"
    assert states(topology)[2] == "taken"
    bridge = next(bus for bus in topology.buses if bus.model == "pcie-to-pci-bridge")
    assert bridge.free_slots == 30
    assert [device.caption.title for device in bridge.devices] == ["watchdog"]
    assert bridge.implicit
    assert topology.roots[0].index == 0


def test_functions_of_one_slot_stand_together() -> None:
    disks = [
        f"<disk type='file' device='disk'><target dev='vd{letter}' bus='virtio'/>"
        f"{address(1, 0, function)}</disk>"
        for letter, function in (("b", 3), ("a", 0))
    ]
    topology = read_topology(written(port(1), *disks))
    root, one = topology.buses
    assert [device.caption.title for device in one.devices] == ["disk vda", "disk vdb"]
    assert list(one.slots) == [0]
    assert [item.place for item in root.slots[1]] == [Place(0, 1, 0)]


def test_conventional_machines_count_slots() -> None:
    topology = read_topology(written(nic("a"), nic("b"), machine="pc"))
    assert topology.ports.family is MachineFamily.PCI
    root = topology.roots[0]
    assert root.free_slots == topology.ports.free == 28
    assert states(topology) == {}
    assert titles(topology)[Place(0, 1, 0)] == "ISA bridge"


def test_every_host_bridge_of_a_pseries_is_a_root() -> None:
    roots = [port(i, model="pci-root") for i in (0, 1, 2)]
    topology = read_topology(written(*roots, machine="pseries", arch="ppc64"))
    assert [root.index for root in topology.roots] == [0, 1, 2]


@pytest.mark.parametrize(
    ("machine", "arch", "family"),
    [("s390-ccw-virtio", "s390x", "ccw"), ("microvm", "x86_64", "none")],
)
def test_machines_without_pci_have_no_tree(machine: str, arch: str, family: str) -> None:
    topology = read_topology(written(nic("a"), machine=machine, arch=arch))
    assert (topology.roots, topology.ports.family) == ((), family)


def test_controllers_behind_each_other_are_all_shown() -> None:
    # No bus leads to these; the picture must end and leave nobody out.
    topology = read_topology(
        written(
            port(1, address(2), model="pcie-switch-upstream-port"),
            port(2, address(1), model="pcie-switch-downstream-port"),
        )
    )
    assert [root.index for root in topology.roots] == [0, 1]
    assert sorted(bus.index for bus in topology.buses) == [0, 1, 2]


def walk(bus: PciBus) -> list[PciBus]:
    return [bus, *(found for child in bus.buses for found in walk(child))]


@settings(max_examples=150, deadline=None)
@given(domains(machines=("q35", "q35", "pc", "virt", "pseries")))
def test_the_tree_agrees_with_the_count(xml: str) -> None:
    try:
        topology = read_topology(xml.encode())
    except PortsideError:
        return
    assert topology.buses == [bus for root in topology.roots for bus in walk(root)]
    assert len({bus.index for bus in topology.buses}) == len(topology.buses)
    places = [device.place for device in topology.devices]
    assert all(d.place.bus == bus.index for bus in topology.buses for d in bus.devices)
    assert len(set(places)) == len(places)
    if topology.ports.family is MachineFamily.PCIE:
        found = list(states(topology).values())
        assert len(found) == topology.ports.total
        assert found.count(PortState.FREE) == topology.ports.free
    same = compare(topology, topology)
    assert same.after == topology
    assert same.gone == ()
