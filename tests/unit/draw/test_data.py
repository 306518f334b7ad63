# SPDX-License-Identifier: Apache-2.0
"""The data that programs read: keys and types do not change under them."""

import json
from typing import Any

import pytest

from sidecar.draw.data import describe_comparison, describe_topology
from tests.unit.draw.pictures import all_topologies, recorded_change

PICTURES = all_topologies()
TOPOLOGY = {"name": str, "machine": str, "arch": str, "ports": dict, "buses": list}
PORTS = {"family": str, "total": int, "free": int}
BUS = {
    "index": int,
    "model": str,
    "address": str | None,
    "port": str | None,
    "pluggable": bool,
    "free_slots": int,
    "added_by_libvirt": bool,
    "change": str | None,
    "devices": list,
    "buses": list,
}
DEVICE = {
    "address": str,
    "kind": str,
    "title": str,
    "details": list,
    "team": str | None,
    "address_by_libvirt": bool,
    "added_by_libvirt": bool,
    "change": str | None,
    "moved_from": str | None,
}


def check(found: dict[str, Any], schema: dict[str, Any]) -> None:
    assert list(found) == list(schema)
    for key, kind in schema.items():
        assert isinstance(found[key], kind), f"{key}: {found[key]!r}"


def check_bus(bus: dict[str, Any]) -> int:
    """Check a bus and all behind it; return how many there are."""
    check(bus, BUS)
    for device in bus["devices"]:
        check(device, DEVICE)
    return 1 + sum(check_bus(child) for child in bus["buses"])


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_has_the_same_keys(name: str) -> None:
    topology = PICTURES[name]
    data = json.loads(json.dumps(describe_topology(topology)))
    check(data, TOPOLOGY)
    check(data["ports"], PORTS)
    assert sum(check_bus(bus) for bus in data["buses"]) == len(topology.buses)


def test_a_comparison_lists_its_changes() -> None:
    change = recorded_change(
        "sriov",
        3,
        interfaces="8",
        teaming='{"vf": "standby"}',
        vfs='[{"name": "fast", "address": "0000:65:00.3"}]',
    )
    data = describe_comparison(change)
    assert data["before"] == describe_topology(change.before)
    check(data["after"], TOPOLOGY)
    ports = data["after"]["ports"]["total"]
    assert data["changes"] == {
        "ports_added": list(range(14, ports + 1)),
        "devices_added": ["VF fast"],
        "devices_moved": [],
        "devices_edited": ["NIC standby", "VF vf"],
        "devices_gone": [],
    }


def test_a_device_is_described_in_full() -> None:
    (root,) = describe_topology(PICTURES["sriov-final-libvirt"])["buses"]
    vf = next(bus for bus in root["buses"] if bus["index"] == 8)["devices"][0]
    assert vf == {
        "address": "0000:08:00.0",
        "kind": "vf",
        "title": "VF vf",
        "details": ["0000:65:00.1"],
        "team": None,
        "address_by_libvirt": False,
        "added_by_libvirt": False,
        "change": None,
        "moved_from": None,
    }
