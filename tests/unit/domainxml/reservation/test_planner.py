# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.layout import count_ports
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError
from tests.unit.domainxml.build import layout, refusal
from tests.unit.domainxml.trees import nic, port

OFF = "<target hotplug='off'/>"


def test_extends_behind_all_devices() -> None:
    found = layout(port(1), port(2), nic("a"))
    assert Planner().extend(found, 3) == [Place(2, 0), Place(3, 0), Place(4, 0)]
    assert [(c.index, c.model, c.place) for c in found.added] == [
        (3, "pcie-root-port", Place(0, 1, 2)),
        (4, "pcie-root-port", Place(0, 1, 3)),
    ]
    assert count_ports(found).free == 0


def test_extending_twice_goes_on() -> None:
    found = layout(nic("a"))
    assert Planner().extend(found, 1) == [Place(2, 0)]
    assert Planner().extend(found, 2) == [Place(3, 0), Place(4, 0)]
    assert Planner().extend(found, 0) == []
    assert [c.index for c in found.added] == [1, 2, 3, 4]


def test_skips_ports_that_cannot_be_plugged() -> None:
    found = layout(port(1, OFF), port(2), port(3, OFF))
    assert Planner().extend(found, 2) == [Place(2, 0), Place(4, 0)]


def test_pc_has_slots() -> None:
    found = layout(machine="pc")
    assert len(Planner().extend(found, 25)) == 25
    assert found.added == []


@pytest.mark.parametrize(("count", "bridges"), [(26, 0), (27, 1), (56, 1), (57, 2)])
def test_pc_keeps_what_libvirts_dry_run_counts_too_much(count: int, bridges: int) -> None:
    # 30 slots are free, and 4 of them could make libvirt add a bridge in front of all.
    found = layout(machine="pc")
    Planner().extend(found, count)
    assert len(found.added) == bridges


def test_pc_gets_a_bridge_while_there_is_a_slot_for_it() -> None:
    found = layout(machine="pc")
    places = Planner().extend(found, 40)
    assert len({place[:2] for place in places}) == 40
    assert [(c.index, c.model) for c in found.added] == [(1, "pci-bridge")]
    bridge = found.added[0].place
    assert bridge is not None
    assert bridge.bus == 0
    assert bridge not in places


def test_pc_may_have_several_bridges() -> None:
    found = layout(machine="pc")
    assert len({place[:2] for place in Planner().extend(found, 32 * 3)}) == 96
    assert [c.index for c in found.added] == [1, 2, 3]


def test_pc_without_a_slot_for_a_bridge() -> None:
    full = [
        nic(str(n)).replace("</interface>", f"<address type='pci' slot='{n}'/></interface>")
        for n in range(2, 32)
    ]
    found = layout(*full, machine="pc")
    error = refusal(CapacityError, Planner().extend, found, 1)
    assert str(error) == (
        "domain XML, <devices>: no conventional slot is left, not even for a bridge. "
        "Ask for fewer ports, or use machine type q35."
    )


def test_pseries_grows_by_itself() -> None:
    found = layout(machine="pseries", arch="ppc64")
    assert len({place[:2] for place in Planner().extend(found, 50)}) == 50
    assert {c.model for c in found.added} == {"pci-root"}


def test_there_is_an_end() -> None:
    error = refusal(CapacityError, Planner().extend, layout(), 250)
    assert error.where == "domain XML, <devices>"


@pytest.mark.parametrize("count", [1, 8, 32, 200])
def test_every_place_is_another_port(count: int) -> None:
    assert len({place.bus for place in Planner().extend(layout(nic("a")), count)}) == count
