# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.model.request import (
    AttachAs,
    DeviceTotal,
    Request,
    TeamingPair,
    VfEntry,
    repository_of,
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
    ("image", "repository"),
    [
        ("portside", "portside"),
        ("portside:0.1.0", "portside"),
        ("registry.example:5000/net/portside", "portside"),
        ("registry.example:5000/net/portside:0.1.0@sha256:ab", "portside"),
        ("registry.example/portside@sha256:ab", "portside"),
        ("registry.example/portside/other:1", "other"),
        ("", ""),
    ],
)
def test_repositories(image: str, repository: str) -> None:
    assert repository_of(image) == repository
