# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.model.request import (
    AttachAs,
    DeviceTotal,
    NativeMode,
    Request,
    TeamingPair,
    VfEntry,
    Vlan,
)


@pytest.mark.parametrize(
    ("total", "defined", "missing"), [(0, 0, 0), (5, 2, 3), (5, 5, 0), (2, 5, 0), (32, 0, 32)]
)
def test_missing_is_never_negative(total: int, defined: int, missing: int) -> None:
    assert DeviceTotal(total, defined, "w").missing == missing


@pytest.mark.parametrize(
    ("request_", "ports", "nothing"),
    [
        (Request(), 0, True),
        (Request(max_ports=5), 0, True),
        (Request(interfaces=DeviceTotal(1, 2, "w")), 0, True),
        (Request(interfaces=DeviceTotal(3, 2, "w"), disks=DeviceTotal(1, 5, "w")), 1, False),
        (Request(disks=DeviceTotal(1, 0, "w"), host_devices=DeviceTotal(2, 0, "w")), 3, False),
        (Request(teaming=(TeamingPair("a", "b", "w"),)), 0, False),
        (Request(vfs=(VfEntry("a", AttachAs.INTERFACE, "w"),)), 0, False),
    ],
)
def test_what_is_asked(request_: Request, ports: int, nothing: bool) -> None:  # a table's column
    assert (request_.free_ports, request_.asks_nothing) == (ports, nothing)


def test_pairs_include_those_of_entries() -> None:
    pair = TeamingPair("a", "b", "w")
    entries = (
        VfEntry("c", AttachAs.HOSTDEV, "w[0]"),
        VfEntry("d", AttachAs.HOSTDEV, "w[1]", team="e"),
    )
    request = Request(teaming=(pair,), vfs=entries)
    assert request.pairs == (pair, TeamingPair("d", "e", "w[1].team"))


@pytest.mark.parametrize(
    "vlan",
    [
        Vlan((1,)),
        Vlan((4094,), trunk=True),
        Vlan((2, 1), trunk=True, native=1, native_mode=NativeMode.TAGGED),
        Vlan((2, 1), trunk=True, native=2),
    ],
)
def test_vlan_keeps_its_parts(vlan: Vlan) -> None:
    assert Vlan(vlan.tags, vlan.trunk, vlan.native, vlan.native_mode) == vlan


@pytest.mark.parametrize(
    ("tags", "trunk", "native", "mode", "what"),
    [
        ((), True, None, None, "a VLAN has at least one id"),
        ((1, 2), False, None, None, "exactly one id"),
        ((0,), False, None, None, "out of range"),
        ((1, 4095), True, None, None, "out of range"),
        ((1, 1), True, None, None, "stands twice"),
        ((1, 2), True, 3, None, "not among"),
        ((1,), False, 1, None, "belongs to a trunk"),
        ((1,), True, None, NativeMode.TAGGED, "without a native VLAN"),
    ],
)
def test_impossible_vlans(
    tags: tuple[int, ...],
    trunk: bool,  # a table's column
    native: int | None,
    mode: NativeMode | None,
    what: str,
) -> None:
    with pytest.raises(RequestError, match=what):
        Vlan(tags, trunk, native, mode)
