# SPDX-License-Identifier: Apache-2.0
"""VFs come to a domain and go, on a real card, libvirt and QEMU; and what is refused before."""

from collections.abc import Iterator

import pytest

from tests.card.card import Card
from tests.card.guests import (
    STANDBY_MAC,
    define_pool,
    forget_all,
    leases,
    must,
    run_all,
    start_domain,
    vf_devices,
    vf_settings,
)
from tests.card.sysfs import FIRST, follow, interfaces, make_vfs, read

pytestmark = [pytest.mark.card, pytest.mark.timeout(600)]

ATTACH, DETACH = "portside pool attach", "portside pool detach"
VFS = ("0000:01:10.0", "0000:01:10.2", "0000:01:10.4")


@pytest.fixture
def pf_name(card: Card, libvirt: None) -> Iterator[str]:
    """A pool ``pool`` of three VFs that nobody has; the PF's interface."""
    del libvirt
    forget_all(card)
    assert make_vfs(card, FIRST, 3) == VFS
    (name,) = interfaces(card, FIRST)
    define_pool(card, "pool", name)
    yield name
    forget_all(card)


def holders(card: Card) -> dict[int, str]:
    """Return who has which VF by our records."""
    found = leases(card)
    assert {state for state, _ in found.values()} <= {"leased", "free"}
    return {index: holder for index, (state, holder) in found.items() if state == "leased"}


def test_a_vf_comes_and_goes_in_each_of_the_three_ways(card: Card, pf_name: str) -> None:
    start_domain(card, "vm", ports=4)
    macs = [f"52:54:00:00:01:0{number}" for number in range(3)]
    # libvirt takes the first, so we take the last.
    said = must(
        card,
        f"{ATTACH} vm pool --as hostdev --mac {macs[2]} --vlan 7 --trust",
        f"{ATTACH} vm pool --as interface --mac {macs[1]} --vlan 6",
        f"{ATTACH} vm pool --as network --mac {macs[0]} --vlan 5",
    )
    for vf, text in zip(VFS, reversed(said), strict=True):
        assert f"VF {vf} of pool pool attached to domain vm" in text
        assert follow(card, vf, "driver") == "vfio-pci"
    devices = sorted(vf_devices(card, "vm"), key=lambda one: one.tag)
    assert [(one.tag, one.attrib["type"]) for one in devices] == [
        ("hostdev", "pci"),
        ("interface", "hostdev"),
        ("interface", "hostdev"),
    ]
    settings = vf_settings(card, pf_name)
    assert [one["address"] for one in settings] == macs
    assert [one["vlan_list"][0]["vlan"] for one in settings] == [5, 6, 7]
    assert settings[2]["trust"] is True
    assert holders(card) == {0: "vm", 1: "vm", 2: "vm"}

    said = must(
        card,
        f"{DETACH} vm --alias ua-portside-pool-2",
        f"{DETACH} vm --mac {macs[1]}",
        f"{DETACH} vm --vf {VFS[2]}",
    )
    for vf, text in zip(VFS, said, strict=True):
        assert text == f"VF {vf} detached from domain vm, lease returned\n"
        assert follow(card, vf, "driver") == "igbvf"
    assert vf_devices(card, "vm") == []
    assert holders(card) == {}
    after = vf_settings(card, pf_name)
    assert not set(macs) & {str(one["address"]) for one in after}, "the next has the same address"
    assert not any(one.get("vlan_list", [{}])[0].get("vlan", 0) for one in after)
    assert [one["trust"] for one in after] == [False, False, False]
    # libvirt had bound the plain hostdev's VF while the PF still kept the guest's address.
    own = [read(card, vf, f"net/{interfaces(card, vf)[0]}/address") for vf in VFS]
    assert not set(macs) & set(own)
    assert own[2] == after[2]["address"]


def test_a_mac_address_of_another_vf_is_refused(card: Card, pf_name: str) -> None:
    mac = "52:54:00:00:02:0b"
    start_domain(card, "web", ports=3)
    start_domain(card, "two", ports=3)
    results = run_all(
        card,
        f"{ATTACH} web pool --as hostdev --mac {mac}",
        *[f"{ATTACH} two pool --as {kind} --mac {mac}" for kind in ("hostdev", "interface")],
        f"portside vf set {VFS[0]} --mac {mac}",
        f"{DETACH} web --alias ua-portside-pool-0",
        f"{ATTACH} two pool --as hostdev --mac {mac}",
    )
    assert [one.code for one in results] == [0, 1, 1, 1, 0, 0]
    for one in results[1:4]:
        assert f"found {mac} on VF 2 ({VFS[2]}), held by domain web" in one.err
    assert [one["address"] for one in vf_settings(card, pf_name)].count(mac) == 1


def test_a_domain_without_a_free_port_is_told_before(card: Card, pf_name: str) -> None:
    del pf_name
    start_domain(card, "vm", ports=2)
    first, second = run_all(card, f"{ATTACH} vm pool", f"{ATTACH} vm pool --as network")
    assert first.code == 0
    assert second.code == 1
    assert "no free root port" in second.err
    assert "No more available PCI slots" in second.err
    assert holders(card) == {2: "vm"}


def test_an_exhausted_pool_names_who_has_the_vfs(card: Card, pf_name: str) -> None:
    start_domain(card, "vm", ports=5)
    (name,) = interfaces(card, VFS[1])
    card.run("ip", "link", "set", name, "up")
    results = run_all(
        card,
        # libvirt would take whatever no domain has, and so the one whose interface is up.
        f"{ATTACH} vm pool --as network",
        f"{ATTACH} vm pool --as hostdev",
        f"{ATTACH} vm pool --as interface",
        f"{ATTACH} vm pool --as interface",
    )
    assert [one.code for one in results] == [1, 0, 0, 1]
    assert "might take one that is not free" in results[0].err
    assert f"({VFS[1]}) is in use: interface {name} is up" in results[0].err
    assert "no VF is free" in results[3].err
    for text in ("domain vm (paused) has it", f"interface {name} is up"):
        assert text in results[3].err
    assert holders(card) == {0: "vm", 2: "vm"}
    assert vf_settings(card, pf_name)[1]["trust"] is False


def test_a_team_takes_one_vf_of_its_partners_address(card: Card, pf_name: str) -> None:
    start_domain(card, "vm", ports=5)
    team = f"{ATTACH} vm pool --as hostdev --team"
    results = run_all(
        card,
        f"{team} ua-net0 --mac 52:54:00:00:00:99",
        f"{team} ua-net7",
        f"{team} ua-net0",
        f"{team} ua-net0",
        f"{DETACH} vm --alias ua-portside-net0",
        "portside pool attach vm pool --as interface --team net0",
    )
    assert [one.code for one in results] == [1, 1, 0, 1, 0, 0]
    assert "different MAC addresses" in results[0].err
    assert "no interface has this alias" in results[1].err
    assert "found persistent halves ua-net0" in results[1].err
    assert "this team already has its VF; found primary ua-portside-net0" in results[3].err
    assert STANDBY_MAC in results[2].out
    (again,) = vf_devices(card, "vm")
    # Of another alias QEMU would take none.
    assert [one.get("name") for one in again.findall("alias")] == ["ua-portside-net0"]
    assert [one.get("address") for one in again.findall("mac")] == [STANDBY_MAC]
    addresses = [one["address"] for one in vf_settings(card, pf_name)]
    assert addresses.count(STANDBY_MAC) == 1


def test_a_guest_that_does_not_let_go_keeps_the_lease(card: Card, pf_name: str) -> None:
    start_domain(card, "vm", ports=3, acpi=True)
    attached, refused = run_all(
        card,
        f"{ATTACH} vm pool --as hostdev --mac 52:54:00:00:01:00",
        f"{DETACH} vm --vf {VFS[2]} --timeout 2",
    )
    assert (attached.code, refused.code) == (0, 1)
    assert "the guest has not released the VF; found still attached after 2 s" in refused.err
    assert holders(card) == {2: "vm"}
    assert vf_settings(card, pf_name)[2]["address"] == "52:54:00:00:01:00"
    # With the domain's end libvirt takes the VF back, and tells nobody.
    card.run("virsh", "destroy", "vm")
    assert holders(card) == {2: "vm"}
    assert must(card, f"{DETACH} vm --vf {VFS[2]}") == [
        f"VF {VFS[2]} detached from domain vm, lease returned\n"
    ]
    assert holders(card) == {}


def test_a_lease_that_outlived_its_domain_does_not_exhaust_the_pool(
    card: Card, pf_name: str
) -> None:
    del pf_name
    start_domain(card, "first", ports=5)
    start_domain(card, "second", ports=5)
    must(card, *[f"{ATTACH} first pool --as hostdev"] * 3)
    card.run("virsh", "destroy", "first")
    card.run("virsh", "undefine", "first")
    must(card, f"{ATTACH} second pool --as hostdev")
    assert holders(card) == {2: "second"}


def test_a_configuration_keeps_its_vf(card: Card, pf_name: str) -> None:
    del pf_name
    start_domain(card, "vm", ports=5)
    start_domain(card, "other", ports=5)
    card.run("virsh", "destroy", "vm")
    results = run_all(
        card,
        f"{ATTACH} vm pool --as hostdev --live",
        f"{ATTACH} vm pool --as hostdev",
        f"{ATTACH} vm pool --as network --config",
        f"{ATTACH} other pool --as hostdev",
    )
    assert [one.code for one in results] == [1, 0, 0, 0]
    assert "the domain is not running" in results[0].err
    assert "that libvirt chooses at each start" in results[2].out
    assert f"VF {VFS[1]} of pool" in results[3].out
    assert holders(card) == {2: "vm", 1: "other"}
    assert [one.attrib["type"] for one in vf_devices(card, "vm", "--inactive")] == [
        "network",
        "pci",
    ]
    must(card, f"{DETACH} vm --vf {VFS[2]}", f"{DETACH} vm --alias ua-portside-pool-1")
    assert vf_devices(card, "vm", "--inactive") == []
    assert holders(card) == {1: "other"}


def test_what_libvirt_refuses_leaves_nothing_behind(card: Card, pf_name: str) -> None:
    start_domain(card, "vm", ports=5)
    before = vf_settings(card, pf_name)
    (result,) = run_all(card, f"{ATTACH} vm pool --as hostdev --vlan 5 --trust --alias ua-net0")
    assert result.code == 1
    assert "libvirt cannot attach the VF to domain vm" in result.err
    assert "Lease and settings were restored" in result.err
    assert holders(card) == {}
    assert vf_settings(card, pf_name) == before
    assert vf_devices(card, "vm") == []


def test_a_pool_that_is_not_active_or_none_gives_nothing(card: Card, pf_name: str) -> None:
    del pf_name
    start_domain(card, "vm", ports=5)
    card.run("virsh", "net-destroy", "pool")
    results = run_all(
        card,
        f"{ATTACH} vm pool",
        f"{ATTACH} vm nothing",
        f"{ATTACH} nobody pool",
        f"{DETACH} vm --alias ua-net0",
    )
    assert [one.code for one in results] == [1, 1, 1, 1]
    for text, result in zip(
        ("not active", "no such pool", "no such domain", "no such VF"), results, strict=True
    ):
        assert text in result.err
    assert leases(card) == {}


def test_a_pools_vlan_is_every_guests(card: Card, pf_name: str) -> None:
    start_domain(card, "vm", ports=5)
    card.run("virsh", "net-destroy", "pool")
    define_pool(card, "tagged", pf_name, "<vlan><tag id='42'/></vlan>")
    must(card, *[f"{ATTACH} vm tagged --as {kind}" for kind in ("hostdev", "interface", "network")])
    vlans = [one["vlan_list"][0]["vlan"] for one in vf_settings(card, pf_name)]
    assert vlans == [42, 42, 42]
