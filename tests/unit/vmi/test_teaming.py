# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from sidecar.model.mac import MacAddress
from sidecar.model.request import TeamingPair
from sidecar.vmi.request import parse_request
from tests.unit.vmi.build import DEFAULT, MAC, OTHER_MAC, STANDBY, VF, check, vfs, vmi

TEAMING = "annotation portside.io/teaming"
VFS = "annotation portside.io/vfs"
NO_MAC_VF = {"name": "vf", "sriov": {}}
VF2 = {**VF, "name": "vf2"}
HOSTDEV = {"name": "added", "address": "0000:3b:02.1", "mac": MAC}
POOL = {"name": "added", "pool": "p"}


def test_reads_pairs_of_the_annotation() -> None:
    request = parse_request(vmi({"teaming": {"vf": "standby", "vf2": "default"}}, interfaces=ALL))
    assert request.teaming == request.pairs
    assert request.pairs == (
        TeamingPair("vf", "standby", f"{TEAMING}, at $.vf"),
        TeamingPair("vf2", "default", f"{TEAMING}, at $.vf2"),
    )
    assert not request.asks_nothing


ALL = (DEFAULT, STANDBY, VF, VF2)


def test_pairs_are_those_of_both_annotations() -> None:
    request = parse_request(vfs({**HOSTDEV, "team": "standby"}, teaming={"vf": "default"}))
    assert request.pairs == (
        TeamingPair("vf", "default", f"{TEAMING}, at $.vf"),
        TeamingPair("added", "standby", f"{VFS}, at $[0].team"),
    )


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(vmi({"teaming": {}}), id="no pair"),
        pytest.param(vmi({"teaming": {"vf": "default"}}), id="MAC of the persistent unknown"),
        pytest.param(vfs(HOSTDEV, teaming={"added": "standby"}), id="entry by the annotation"),
        pytest.param(vfs({**POOL, "team": "standby"}), id="an interface gets its MAC later"),
        pytest.param(
            vmi({"teaming": {"vf": "standby"}}, interfaces=[{**STANDBY, "model": "virtio"}, VF]),
            id="virtio by name",
        ),
        pytest.param(
            vmi(
                {"teaming": {"vf": "standby"}},
                interfaces=[STANDBY, {**VF, "macAddress": "02-00-00-00-00-AA"}],
            ),
            id="one MAC in two spellings",
        ),
    ],
)
def test_accepts(document: bytes) -> None:
    parse_request(document)


@pytest.mark.parametrize(
    ("teaming", "interfaces", "path", "parts"),
    [
        ([], ALL, "", ("expected an object",)),
        ({"vf": 5}, ALL, ".vf", ("expected a string",)),
        ({"vf": None}, ALL, ".vf", ("expected a string",)),
        ({"fv": "standby"}, ALL, ".fv", ("no such network", '"fv"', '"default", "standby", "vf"')),
        ({"": "standby"}, ALL, '[""]', ("no such network",)),
        ({"vf": "stand"}, ALL, ".vf", ("no such network", '"stand"', "virtio network")),
        ({"vf": "stand"}, [VF], ".vf", ('the VMI has "vf"',)),
        (
            {"standby": "vf"},
            ALL,
            ".standby",
            ("transient half", "must be a VF", "without sriov", "transient network -> persistent"),
        ),
        ({"vf": "vf2"}, ALL, ".vf", ("persistent half", '"vf2", an SR-IOV network')),
        ({"vf": "vf"}, ALL, ".vf", ("cannot team with itself",)),
        ({"vf": "standby", "vf2": "standby"}, ALL, ".vf2", ('teams with "vf" already',)),
        (
            {"vf": "standby"},
            [{**STANDBY, "model": "e1000e"}, VF],
            ".vf",
            ("of another model than virtio",),
        ),
        (
            {"vf": "standby"},
            [STANDBY, {**VF, "macAddress": OTHER_MAC}],
            ".vf",
            ("different MAC", f'{OTHER_MAC} on "vf"', f'{MAC} on "standby"'),
        ),
        (
            {"vf": "standby"},
            [STANDBY, NO_MAC_VF],
            ".vf",
            ("no MAC address", "found no macAddress;"),
        ),
        (
            {"vf": "default"},
            [DEFAULT, NO_MAC_VF],
            ".vf",
            ("no MAC address", "found no macAddress;"),
        ),
        (
            {"vf": "standby"},
            [{**STANDBY, "state": "absent"}, VF],
            ".vf",
            ("interface is absent", '"standby"'),
        ),
        ({"vf": "standby"}, [STANDBY, {**VF, "state": "absent"}], ".vf", ("is absent", '"vf"')),
    ],
)
def test_refuses_at_its_place(
    teaming: object, interfaces: object, path: str, parts: tuple[str, ...]
) -> None:
    check(vmi({"teaming": teaming}, interfaces=interfaces), f"{TEAMING}, at ${path}", *parts)


@pytest.mark.parametrize(
    ("entry", "teaming", "where", "parts"),
    [
        ({**HOSTDEV, "team": "vf"}, {}, f"{VFS}, at $[0].team", ("an SR-IOV network",)),
        ({**HOSTDEV, "team": "added"}, {}, f"{VFS}, at $[0].team", ("with itself",)),
        ({**HOSTDEV, "team": ""}, {}, f"{VFS}, at $[0].team", ("no such network",)),
        (
            {**HOSTDEV, "team": "standby"},
            {"vf": "standby"},
            f"{VFS}, at $[0].team",
            ('teams with "vf" already',),
        ),
        (
            {**HOSTDEV, "team": "standby"},
            {"added": "default"},
            f"{VFS}, at $[0].team",
            ('"added" is in a team already',),
        ),
        (
            {**POOL, "as": "hostdev", "team": "default"},
            {},
            f"{VFS}, at $[0].team",
            ("found no mac;", 'Set macAddress of "default" and mac of "added"'),
        ),
        (
            {"name": "added", "address": "0000:3b:02.1"},
            {"added": "default"},
            f"{TEAMING}, at $.added",
            ("found no mac;",),
        ),
        ({**POOL, "mac": OTHER_MAC, "team": "standby"}, {}, f"{VFS}, at $[0].team", ("different",)),
        ({**HOSTDEV}, {"vf": "added"}, f"{TEAMING}, at $.vf", ("no such network", '"added"')),
    ],
)
def test_entries_keep_the_same_rules(
    entry: dict[str, Any], teaming: object, where: str, parts: tuple[str, ...]
) -> None:
    check(vfs(entry, teaming=teaming), where, *parts)


@pytest.mark.parametrize(
    ("entry", "teaming"),
    [
        ({**POOL, "as": "hostdev", "team": "standby"}, {}),
        ({**POOL, "team": "standby"}, {}),
        ({"name": "added", "address": "0000:3b:02.1"}, {"added": "standby"}),
    ],
)
def test_a_vf_without_mac_takes_that_of_its_team(entry: dict[str, Any], teaming: object) -> None:
    (read,) = parse_request(vfs(entry, teaming=teaming)).vfs
    assert read.mac == MacAddress(MAC)


def test_a_vf_without_team_takes_no_mac() -> None:
    (read,) = parse_request(vfs(POOL, teaming={"vf": "standby"})).vfs
    assert read.mac is None


HOST_DEVICES = {
    "hostDevices": [{"name": "fast", "deviceName": "intel.com/vf"}, {"name": "both"}],
    "gpus": [{"name": "gpu", "deviceName": "nvidia.com/T4"}],
}


def test_a_host_device_can_be_the_transient_half() -> None:
    document = vmi({"teaming": {"fast": "standby"}}, devices=HOST_DEVICES)
    request = parse_request(document)
    assert request.pairs == (TeamingPair("fast", "standby", f"{TEAMING}, at $.fast"),)
    assert request.host_device_names == {"fast", "both"}


def test_a_host_device_may_have_the_name_of_a_network_that_is_no_vf() -> None:
    devices = {"hostDevices": [{"name": "default"}]}
    document = vmi({"teaming": {"default": "standby"}}, devices=devices)
    assert parse_request(document).pairs[0].transient == "default"


@pytest.mark.parametrize(
    ("teaming", "path", "parts"),
    [
        ({"gpu": "standby"}, ".gpu", ("must be a VF", 'found "gpu", a GPU', "hostDevices")),
        ({"both": "standby"}, ".both", ("two devices of the VM have this name", '"both"')),
        ({"slow": "standby"}, ".slow", ("no such network", "one of its hostDevices")),
        (
            {"fast": "default"},
            ".fast",
            (
                'a host device teams with "default", which has no MAC address',
                "the same on the VF through its physical function",
            ),
        ),
        ({"fast": "both"}, ".fast", ('"both", an SR-IOV network',)),
        ({"vf": "fast"}, ".vf", ("no such network", '"fast"')),
        ({"fast": "standby", "vf": "standby"}, ".vf", ('teams with "fast" already',)),
    ],
)
def test_host_devices_keep_the_rules(teaming: object, path: str, parts: tuple[str, ...]) -> None:
    interfaces = [DEFAULT, STANDBY, VF, {**VF, "name": "both"}]
    document = vmi({"teaming": teaming}, interfaces=interfaces, devices=HOST_DEVICES)
    check(document, f"{TEAMING}, at ${path}", *parts)
