# SPDX-License-Identifier: Apache-2.0
"""Pools on a real card and a real libvirt: the minimum, the guard, and what a refusal leaves."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.card.card import PORTSIDE, Card, Finished
from tests.card.sysfs import FIRST, bind_vfio, interfaces, make_vfs, read, shell

pytestmark = pytest.mark.card

# libvirt's first answer waits for its probe of QEMU.
SECONDS = 300.0
HOLD = "/project/tests/card/guest/hold_vfio.py"
FILE = "/tmp/pool.xml"  # noqa: S108 -- in the card's VM, which is the test's own
XML = """\
<network>
  <name>sriov-pool</name>
  <forward mode='hostdev' managed='yes'>
    <pf dev='{pf}'><vf num='{count}'/></pf>
  </forward>
</network>
"""


@pytest.fixture
def pf_name(card: Card, libvirt: None) -> Iterator[str]:
    """The PF's interface, without VFs, down; no pool before and after."""
    del libvirt
    forget(card)
    (name,) = interfaces(card, FIRST)
    make_vfs(card, FIRST, 0)
    card.run("ip", "link", "set", name, "down")
    yield name
    forget(card)


def forget(card: Card) -> None:
    """Leave no pool, lease or record behind, whatever a test did."""
    card.attempt(
        "sh",
        "-c",
        "virsh -q net-destroy sriov-pool; virsh -q net-undefine sriov-pool; "
        "rm -rf /var/lib/portside",
    )


def pool(card: Card, *arguments: str) -> str:
    return card.run(*PORTSIDE, "pool", *arguments, seconds=SECONDS)


def refused(card: Card, *arguments: str) -> str:
    done: Finished = card.attempt(*PORTSIDE, "pool", *arguments, seconds=SECONDS)
    assert done.code == 1, done
    return done.stderr


def status(card: Card) -> dict[str, Any]:
    (one,) = json.loads(pool(card, "status", "sriov-pool", "-o", "json"))
    assert isinstance(one, dict)
    return one


def define(card: Card, pf: str, count: int) -> None:
    shell(card, f'printf %s "$1" >{FILE}', XML.format(pf=pf, count=count))
    pool(card, "define", FILE)


def identities(card: Card) -> str:
    """Return what changes when a VF is made anew, for each VF: sysfs' number of its folder."""
    return shell(card, f"stat -Lc %i /sys/bus/pci/devices/{FIRST}/virtfn*")


def test_a_pool_from_nothing_to_vfs_and_back(card: Card, pf_name: str) -> None:
    define(card, pf_name, 4)
    assert "vf" not in card.run("virsh", "net-dumpxml", "sriov-pool")
    assert "<vf num=" in pool(card, "dumpxml", "sriov-pool")
    before = status(card)
    assert (before["active"], before["present"], before["up"]) == (False, 0, False)
    assert "create 4 VFs" in pool(card, "plan", "sriov-pool")
    assert status(card) == before
    pool(card, "start", "sriov-pool")
    now = status(card)
    assert (now["active"], now["present"], now["free"], now["up"]) == (True, 4, 4, True)
    assert now["made_by_portside"] == 4
    assert read(card, FIRST, "sriov_numvfs") == "4"
    assert "sriov-pool" in card.run("virsh", "-q", "net-list")
    assert "Nothing to do" in pool(card, "start", "sriov-pool")
    pool(card, "stop", "sriov-pool")
    after = status(card)
    assert (after["active"], after["present"]) == (False, 0)
    pool(card, "undefine", "sriov-pool")
    assert json.loads(pool(card, "list", "-o", "json")) == []


def test_the_number_is_a_minimum(card: Card, pf_name: str) -> None:
    make_vfs(card, FIRST, 5)
    there = identities(card)
    define(card, pf_name, 3)
    pool(card, "start", "sriov-pool")
    assert identities(card) == there
    assert status(card)["made_by_portside"] == 0
    pool(card, "stop", "sriov-pool")
    assert identities(card) == there, "VFs that others made are not ours to remove"


def test_a_pool_grows_when_every_vf_is_free(card: Card, pf_name: str) -> None:
    make_vfs(card, FIRST, 2)
    card.run("ip", "link", "set", pf_name, "vf", "1", "mac", "52:54:00:00:00:01", "vlan", "7")
    define(card, pf_name, 4)
    pool(card, "start", "sriov-pool")
    now = status(card)
    assert now["present"] == 4
    settings = now["vfs"][1]["settings"]
    assert settings["mac"] == "52:54:00:00:00:01", "what was set before is set again"
    assert settings["vlan"]["id"] == 7


@pytest.mark.parametrize("count", [1, 8])
def test_what_the_card_cannot_do_is_refused_at_once(card: Card, pf_name: str, count: int) -> None:
    pf = pf_name if count == 8 else "lo"
    shell(card, f'printf %s "$1" >{FILE}', XML.format(pf=pf, count=count))
    error = refused(card, "define", FILE)
    assert ("at most 7" in error) if count == 8 else ("no physical function" in error)
    assert json.loads(pool(card, "list", "-o", "json")) == []


def test_an_open_vfio_device_stands_against_growth_and_stop(card: Card, pf_name: str) -> None:
    vfs = make_vfs(card, FIRST, 2)
    bind_vfio(card, vfs[1])
    define(card, pf_name, 2)
    pool(card, "start", "sriov-pool")
    there = identities(card)
    define(card, pf_name, 4)
    with card.holding("python3", HOLD, vfs[1]):
        growth = refused(card, "start", "sriov-pool")
        stop = refused(card, "stop", "sriov-pool")
        assert identities(card) == there
        assert status(card)["active"], "a refused stop leaves the network running"
        assert status(card)["counts"]["in use"] == 1
    for error in (growth, stop):
        assert "python3" in error
        assert vfs[1] in error
        assert vfs[0] not in error


def test_an_interface_in_a_network_namespace_stands_against_it(card: Card, pf_name: str) -> None:
    vfs = make_vfs(card, FIRST, 2)
    define(card, pf_name, 4)
    there = identities(card)
    card.run("ip", "netns", "add", "pod")
    try:
        card.run("ip", "link", "set", interfaces(card, vfs[0])[0], "netns", "pod")
        error = refused(card, "start", "sriov-pool")
    finally:
        card.run("ip", "netns", "delete", "pod")
    assert "the interface is in another one" in error
    assert identities(card) == there


def test_an_interface_that_is_up_stands_against_it(card: Card, pf_name: str) -> None:
    vfs = make_vfs(card, FIRST, 2)
    define(card, pf_name, 4)
    there = identities(card)
    (name,) = interfaces(card, vfs[0])
    card.run("ip", "link", "set", name, "up")
    assert f"{name} is up" in refused(card, "start", "sriov-pool")
    assert identities(card) == there


def test_vfs_that_we_made_go_only_with_every_one_free(card: Card, pf_name: str) -> None:
    define(card, pf_name, 3)
    pool(card, "start", "sriov-pool")
    vf = status(card)["vfs"][2]["address"]
    (name,) = interfaces(card, vf)
    card.run("ip", "link", "set", name, "up")
    assert f"{name} is up" in refused(card, "stop", "sriov-pool")
    assert status(card)["active"]
    assert status(card)["present"] == 3
    pool(card, "stop", "sriov-pool", "--keep-vfs")
    assert (status(card)["active"], status(card)["present"]) == (False, 3)
    card.run("ip", "link", "set", name, "down")
    pool(card, "stop", "sriov-pool")
    assert status(card)["present"] == 0
