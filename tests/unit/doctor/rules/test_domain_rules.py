# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from sidecar.doctor.rules.facts import Facts
from sidecar.doctor.rules.finding import Code, Level
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN
from tests.unit.doctor.rules.hosts import (
    OTHER_PF,
    PF,
    bad,
    codes,
    healthy,
    interface,
    make_pf,
    make_vf,
    only,
    pf_facts,
    pool_facts,
    used,
    vf_address,
    with_domain,
)
from tests.unit.domainxml.trees import address, nic, port

MAC = "52:54:00:00:00:01"
OTHER_MAC = "52:54:00:00:00:02"
ROOM = port(9)
"""Ports 1 to 9, and a domain of a few devices."""


def hostdev(vf: PciAddress, more: str = "", *, managed: str = "yes") -> str:
    return (
        f"<hostdev mode='subsystem' type='pci' managed='{managed}'><source><address "
        f"domain='{vf.domain}' bus='{vf.bus}' slot='{vf.slot}' function='{vf.function}'/>"
        f"</source>{more}</hostdev>"
    )


def hostdev_interface(vf: PciAddress, more: str = "") -> str:
    return (
        hostdev(vf, more)
        .replace("mode='subsystem' type='pci'", "type='hostdev'")
        .replace("hostdev ", "interface ", 1)
        .replace("</hostdev>", "</interface>")
        .replace("<address ", "<address type='pci' ")
    )


def persistent(model: str = "<model type='virtio'/>", mac: str = MAC) -> str:
    return (
        f"<interface type='ethernet'><mac address='{mac}'/>{model}"
        "<teaming type='persistent'/><alias name='ua-stay'/></interface>"
    )


def transient(partner: str = "ua-stay") -> str:
    named = f" persistent='{partner}'" if partner else ""
    return f"<teaming type='transient'{named}/>"


def asked(*devices: str, facts: Facts | None = None) -> Facts:
    return with_domain(facts or healthy(), *devices, ROOM)


def test_a_domain_with_room_and_a_vf_is_fine() -> None:
    assert not bad(asked(nic("a"), hostdev(vf_address(0))))


def full(*devices: str) -> Facts:
    """A domain whose only port is taken."""
    return with_domain(healthy(), port(1), nic("a", address(1)), *devices)


def test_no_free_port_fails_who_wants_to_attach() -> None:
    found = only(full())
    assert (found.code, found.level) == (Code.NO_FREE_PORT, Level.WARNING)
    assert found.message == "No more available PCI slots"
    assert only(replace(full(), wanted_pool="pool")).level is Level.FAILS
    assert not bad(with_domain(healthy(), port(1), port(2), nic("a", address(1))))


def test_a_port_that_cannot_be_plugged_is_no_free_port() -> None:
    shut = port(2, "<target hotplug='off'/>")
    facts = with_domain(healthy(), port(1), shut, nic("a", address(1)))
    assert only(facts).code is Code.NO_FREE_PORT


def test_a_team_that_waits_for_its_vf_fails_without_a_port() -> None:
    waiting = persistent().replace("</interface>", address(1) + "</interface>")
    found = only(with_domain(healthy(), port(1), waiting))
    assert (found.code, found.level) == (Code.NO_FREE_PORT, Level.FAILS)
    assert "ua-stay" in found.text


def test_buses_that_cannot_hold_the_devices() -> None:
    many = [nic(f"n{number}") for number in range(300)]
    found = next(one for one in bad(with_domain(healthy(), *many)))
    assert (found.code, found.level) == (Code.NO_FREE_PORT, Level.FAILS)
    assert found.evidence[0].content


def test_an_interface_without_model() -> None:
    found = only(asked("<interface type='ethernet'><mac address='52:54:00:00:00:07'/></interface>"))
    assert (found.code, found.level) == (Code.INTERFACE_NO_MODEL, Level.WARNING)
    assert "rtl8139" in found.text
    assert "<model type='virtio'/>" in found.remedy
    assert not bad(asked(hostdev_interface(vf_address(0))))


def test_a_team_that_works() -> None:
    vf = hostdev_interface(vf_address(0), f"<mac address='{MAC}'/>{transient()}")
    assert not bad(asked(persistent(), vf))


@pytest.mark.parametrize("model", ["", "<model type='e1000e'/>"])
def test_the_half_that_stays_must_be_virtio(model: str) -> None:
    vf = hostdev_interface(vf_address(0), f"<mac address='{MAC}'/>{transient()}")
    found = next(one for one in bad(asked(persistent(model), vf)) if one.level is Level.FAILS)
    assert found.code is Code.TEAM_MODEL
    named = "e1000e" if model else "rtl8139"
    assert found.message.endswith(f"must be <model type='virtio'/>, not '{named}'")


@pytest.mark.parametrize("partner", ["", "ua-other"])
def test_a_transient_half_without_partner(partner: str) -> None:
    vf = hostdev_interface(vf_address(0), f"<mac address='{MAC}'/>{transient(partner)}")
    found = only(asked(persistent(), vf))
    assert (found.code, found.level) == (Code.TEAM_NO_PARTNER, Level.FAILS)
    assert bool(found.message) is not bool(partner)


def test_two_vfs_in_one_team() -> None:
    vfs = [
        hostdev_interface(vf_address(index), f"<mac address='{MAC}'/>{transient()}")
        for index in range(2)
    ]
    found = only(asked(persistent(), *vfs))
    assert (found.code, found.level) == (Code.TEAM_TWO_PRIMARIES, Level.FAILS)
    assert found.message == "Cannot attach more than one primary device"


@pytest.mark.parametrize("mac", [f"<mac address='{OTHER_MAC}'/>", ""])
def test_different_macs_do_not_pair(mac: str) -> None:
    vf = hostdev_interface(vf_address(0), f"{mac}{transient()}")
    found = only(asked(persistent(), vf))
    assert (found.code, found.level) == (Code.TEAM_MAC, Level.FAILS)
    assert MAC in found.remedy


def test_a_plain_hostdev_has_the_mac_that_its_pf_has_set() -> None:
    facts = asked(persistent(), hostdev(vf_address(0), transient()))
    assert not bad(facts)  # not known
    assert not bad(replace(facts, macs={vf_address(0): MacAddress(MAC)}))
    found = only(replace(facts, macs={vf_address(0): MacAddress(OTHER_MAC)}))
    assert found.code is Code.TEAM_MAC
    assert found.remedy.startswith(f"portside vf set {vf_address(0)} --mac {MAC}")


def test_a_device_that_is_not_there_in_qemus_own_words() -> None:
    gone = vf_address(3)
    found = only(asked(hostdev(gone)))
    assert (found.code, found.level) == (Code.VF_MISSING, Level.FAILS)
    assert found.message == (
        f"vfio /sys/bus/pci/devices/{gone}: no such host device: No such file or directory"
    )


def test_a_vf_that_another_domain_has() -> None:
    facts = asked(hostdev(vf_address(0)))
    found = only(used(facts, 0, "domain web", holder="web"))
    assert (found.code, found.level) == (Code.VF_IN_USE, Level.FAILS)
    assert found.message == f"PCI device {vf_address(0)} is in use by driver QEMU, domain web"


def test_a_vf_that_the_domain_itself_has() -> None:
    facts = asked(hostdev(vf_address(0)))
    assert not bad(used(facts, 0, "qemu 4711", holder="vm"))
    assert not bad(used(facts, 0, "domain vm"))  # leased to it


def test_a_vf_whose_interface_the_host_uses_is_taken_from_there() -> None:
    found = only(used(asked(hostdev(vf_address(0))), 0, "eth1v0 is up"))
    assert (found.code, found.level) == (Code.VF_IN_USE, Level.WARNING)
    assert "detaches it" in found.message


def test_a_vf_that_libvirt_is_not_to_take_from_its_driver() -> None:
    found = only(asked(hostdev(vf_address(0), managed="no")))
    assert (found.code, found.level) == (Code.VF_NOT_DETACHED, Level.FAILS)
    assert found.message.startswith(f"Unmanaged PCI device {vf_address(0)} must be manually")
    pf = make_pf()
    assert pf.vfs is not UNKNOWN
    on_vfio = replace(pf, vfs=(make_vf(0, driver="vfio-pci"), pf.vfs[1]))
    ready = asked(hostdev(vf_address(0), managed="no"), facts=healthy(pf_facts(on_vfio)))
    assert not bad(ready)


def test_a_hostdev_that_is_the_pf_takes_all_vfs_away() -> None:
    facts = asked(hostdev(PF))
    facts = replace(facts, present=frozenset({PF}))
    found = only(facts)
    assert (found.code, found.level) == (Code.HOSTDEV_IS_PF, Level.FAILS)
    assert found.evidence[0].content == "2 virtfn links"
    assert found.evidence[1].source == "pool pool"


def test_a_pf_without_vfs_and_pools_may_go_to_a_guest() -> None:
    spare = pf_facts(make_pf(0, address=OTHER_PF, nets=(interface("eth2"),)))
    facts = asked(hostdev(OTHER_PF), facts=healthy(pf_facts(), spare))
    facts = replace(facts, present=frozenset({OTHER_PF}))
    assert Code.HOSTDEV_IS_PF not in codes(facts)
    pooled = replace(facts, pools=(pool_facts(), pool_facts(pf=OTHER_PF)))
    assert Code.HOSTDEV_IS_PF in codes(pooled)
