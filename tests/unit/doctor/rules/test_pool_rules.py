# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from sidecar.doctor.rules.facts import DriverTraits, Facts, Want
from sidecar.doctor.rules.finding import Code, Level
from sidecar.model.host_facts import Reading
from sidecar.model.pool import PoolDefinition
from sidecar.model.vf import UNKNOWN
from tests.unit.doctor.rules.hosts import (
    LIBVIRT,
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
    with_domain,
)

WANTS = "<interface type='network'><source network='pool'/><model type='virtio'/></interface>"
ROOM = "<controller type='pci' index='9' model='pcie-root-port'/>"


def wanting(number: int) -> PoolDefinition:
    return PoolDefinition("pool", "eth1", number)


@pytest.mark.parametrize(
    ("minimum", "code"),
    [
        (8, Code.POOL_ABOVE_TOTAL),
        (7, Code.POOL_ABOVE_LIMIT),
        (3, Code.POOL_FEW_VFS),
        (2, None),
        (None, None),
    ],
)
def test_the_minimum_against_what_the_pf_has(minimum: int | None, code: Code | None) -> None:
    definition = PoolDefinition("pool", "eth1", minimum)
    traits = DriverTraits(limit=6, hints=("six at most.",))
    facts = healthy(pf_facts(make_pf(), traits), pools=(pool_facts(definition=definition),))
    if code is None:
        assert not bad(facts)
        return
    found = only(facts)
    assert (found.code, found.level) == (code, Level.FAILS)
    assert found.evidence[0] == Reading("pool pool, <vf num>", str(minimum))


def test_what_the_kernel_says_above_the_total_and_above_the_drivers_limit() -> None:
    above = healthy(pools=(pool_facts(definition=wanting(8)),))
    assert "ERANGE" in only(above).message
    limited = pf_facts(make_pf(), DriverTraits(limit=4))
    assert "EPERM" in only(healthy(limited, pools=(pool_facts(definition=wanting(5)),))).message


def test_a_pool_whose_pf_is_not_here() -> None:
    gone = pool_facts(pf=None, definition=PoolDefinition("pool", "eth9", 2))
    found = only(healthy(pools=(gone,)))
    assert (found.code, found.level) == (Code.POOL_NO_PF, Level.FAILS)
    assert found.message == "Could not get Virtual functions on eth9"


def test_domains_that_want_more_than_there_is_in_libvirts_own_words() -> None:
    wants = (Want("a", 1), Want("b", 2))
    found = only(healthy(pools=(pool_facts(wants=wants),)))
    assert (found.code, found.level) == (Code.POOL_TOO_SMALL, Level.FAILS)
    assert found.message == (
        "network 'pool' requires exclusive access to interfaces, but none are available"
    )
    assert Reading("domain b", "not running, wants 2 VFs") in found.evidence
    assert not bad(healthy(pools=(pool_facts(wants=(Want("a", 1), Want("b", 1))),)))


def test_running_domains_count_by_what_they_hold() -> None:
    facts = healthy(pools=(pool_facts(wants=(Want("b", 2),)),))
    assert not bad(facts)
    found = only(used(facts, 0, "domain a", holder="a"))
    assert found.code is Code.POOL_TOO_SMALL
    assert any("domain a" in one.content for one in found.evidence)


def test_libvirt_takes_a_vf_from_an_interface_of_the_host_but_not_from_elsewhere() -> None:
    facts = healthy(pools=(pool_facts(wants=(Want("b", 2),)),))
    found = only(used(facts, 0, "eth1v0 is up"))
    assert (found.code, found.level) == (Code.POOL_TOO_SMALL, Level.WARNING)
    assert "1 of its 2 VFs are free" in found.text
    silent = replace(facts, libvirt=replace(LIBVIRT, error="refused"))
    assert Code.POOL_TOO_SMALL not in codes(used(silent, 0, "eth1v0 is up"))
    pf = make_pf()
    assert pf.vfs is not UNKNOWN
    on_vfio = replace(pf, vfs=(make_vf(0, driver="vfio-pci"), pf.vfs[1]))
    held = healthy(pf_facts(on_vfio), pools=(pool_facts(wants=(Want("b", 2),)),))
    assert codes(used(held, 0, "qemu 4711")) == [Code.POOL_TOO_SMALL]


def test_the_domain_of_the_call_asks_too_but_is_not_counted_twice() -> None:
    facts = healthy(pools=(pool_facts(wants=(Want("other", 2),)),))
    assert codes(with_domain(facts, WANTS, ROOM)) == [Code.POOL_TOO_SMALL]
    known = healthy(pools=(pool_facts(wants=(Want("vm", 2),)),))
    assert not bad(with_domain(known, WANTS, WANTS, ROOM))
    running = replace(with_domain(facts, WANTS, ROOM), running=True)
    assert not bad(running)


def test_a_network_that_is_stopped_fails_whoever_wants_it() -> None:
    stopped = pool_facts(active=False)
    found = only(healthy(pools=(stopped,)))
    assert (found.code, found.level) == (Code.NETWORK_INACTIVE, Level.WARNING)
    assert found.message == "network 'pool' is not active"
    assert only(healthy(pools=(stopped,), wanted_pool="pool")).level is Level.FAILS
    wanted = replace(stopped, wants=(Want("a", 1),))
    assert only(healthy(pools=(wanted,))).level is Level.FAILS
    asked = with_domain(healthy(pools=(stopped,)), WANTS, ROOM)
    assert only(asked).level is Level.FAILS


def test_a_network_that_nobody_starts_after_a_boot() -> None:
    found = only(healthy(pools=(pool_facts(autostart=False),)))
    assert (found.code, found.level) == (Code.NETWORK_NO_AUTOSTART, Level.WARNING)


def test_a_pool_without_its_network() -> None:
    found = only(healthy(pools=(pool_facts(active=None),)))
    assert (found.code, found.level) == (Code.NETWORK_MISSING, Level.FAILS)
    assert "no network with matching name 'pool'" in found.message


def test_without_libvirt_nothing_is_said_of_networks() -> None:
    assert not bad(healthy(pools=(pool_facts(active=UNKNOWN, autostart=False),)))


def test_networks_that_the_domain_names_and_that_are_no_pools() -> None:
    nic = "<interface type='network'><source network='lan'/><model type='virtio'/></interface>"
    facts = with_domain(healthy(), nic, ROOM)
    assert only(facts).code is Code.NETWORK_MISSING
    inactive = replace(LIBVIRT, networks={"pool": True, "lan": False})
    found = only(replace(facts, libvirt=inactive))
    assert (found.code, found.level) == (Code.NETWORK_INACTIVE, Level.FAILS)
    active = replace(LIBVIRT, networks={"pool": True, "lan": True})
    assert not bad(replace(facts, libvirt=active))


def asked(facts: Facts) -> Facts:
    """Ask whether a VF of the pool can be attached to a running domain with room for it."""
    return replace(with_domain(facts, ROOM), running=True, wanted_pool="pool")


def test_a_pool_without_a_free_vf_has_none_to_attach_and_who_has_each_is_read() -> None:
    one = used(healthy(), 0, "domain hog", holder="hog")
    assert not bad(asked(one))
    both = used(one, 1, "domain hog", holder="hog")
    assert not bad(replace(both, wanted_pool="pool"))
    assert not bad(replace(asked(both), wanted_pool=""))
    found = only(asked(both))
    assert (found.code, found.level) == (Code.POOL_EXHAUSTED, Level.FAILS)
    assert "can be attached to domain" in found.text
    users = [one.content for one in found.evidence if one.source.startswith("VF ")]
    assert users == ["in use: domain hog has it"] * 2


def host_up(facts: Facts, *indices: int) -> Facts:
    """Let the host's network manager bring VFs up."""
    (pf,) = facts.pfs
    vfs = tuple(
        replace(vf, interfaces=(interface(f"eth1v{vf.index}", up=vf.index in indices),))
        for vf in pf.vfs
    )
    facts = replace(facts, pfs=(replace(pf, pf=replace(pf.pf, vfs=vfs)),))
    for index in indices:
        facts = used(facts, index, f"eth1v{index} is up")
    return facts


def test_vfs_that_the_host_has_brought_up_are_named_with_what_keeps_it_from_that() -> None:
    found = only(asked(host_up(healthy(), 1)))
    assert (found.code, found.level) == (Code.POOL_ON_HOST, Level.WARNING)
    assert "1 of its 2 VFs are up on the host" in found.text
    for word in ("unmanaged-devices=interface-name:eth1v1", "NM_UNMANAGED", "Unmanaged=yes"):
        assert word in found.remedy
    assert f"{PF}/sriov_drivers_autoprobe" in found.remedy
    assert found.remedy.endswith("ip link set eth1v1 down")
    both = bad(asked(host_up(healthy(), 0, 1)))
    assert [(one.code, one.level) for one in both] == [
        (Code.POOL_ON_HOST, Level.FAILS),
        (Code.POOL_EXHAUSTED, Level.FAILS),
    ]
