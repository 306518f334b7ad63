# SPDX-License-Identifier: Apache-2.0
"""Has each pool its VFs, and enough for the domains that want them?"""

from collections.abc import Iterator

from sidecar.doctor.rules.facts import Facts, PfFacts, PoolFacts, Want
from sidecar.doctor.rules.finding import Code, Finding, Level, or_fine
from sidecar.doctor.rules.free_vfs import count_free, describe_users, examine_free
from sidecar.model.availability import Availability
from sidecar.model.host_facts import Reading
from sidecar.model.vf import UNKNOWN, VirtualFunction


def examine_pools(facts: Facts) -> Iterator[Finding]:
    """Say what stands against each pool."""
    by_address = {pf.pf.address: pf for pf in facts.pfs}
    for pool in facts.pools:
        pf = None if pool.pf is None else by_address.get(pool.pf)
        found = [
            *_examine_network(facts, pool),
            *_examine_number(facts, pool, pf),
            *examine_free(facts, pool, pf),
        ]
        yield from or_fine(found, _fine(facts, pool, pf))
    yield from _examine_strangers(facts)


def _examine_network(facts: Facts, pool: PoolFacts) -> Iterator[Finding]:
    name = pool.definition.name
    where, wanted = f"pool {name}", _is_wanted(facts, pool)
    if pool.active is UNKNOWN:
        return
    if pool.active is None:
        yield _no_network(name, where, facts.libvirt.uri)
        return
    evidence = (
        Reading(f"libvirt, network {name}", "active" if pool.active else "not active"),
        *_describe_wants(pool.wants),
    )
    if not pool.active:
        yield Finding(
            Code.NETWORK_INACTIVE,
            Level.FAILS if wanted else Level.WARNING,
            where,
            "its network is not started",
            f"network '{name}' is not active",
            evidence,
            f"portside pool start {name} (for a network not defined by Portside: virsh "
            f"net-start {name})",
        )
    if not pool.autostart:
        yield Finding(
            Code.NETWORK_NO_AUTOSTART,
            Level.WARNING,
            where,
            "nothing starts it after a boot",
            f"network '{name}' is not active",
            (
                Reading(
                    f"libvirt, network {name}", "no autostart in libvirt or in Portside's record"
                ),
            ),
            f"portside pool autostart {name}, and the node agent or the unit of portside pool "
            f"systemd {name}",
        )


def _no_network(name: str, where: str, uri: str) -> Finding:
    return Finding(
        Code.NETWORK_MISSING,
        Level.FAILS,
        where,
        f"libvirt has no network {name}",
        f"Network not found: no network with matching name '{name}'",
        (Reading(uri, f"no network {name}"),),
        "portside pool define FILE creates one; portside pool list shows the existing ones",
    )


def _examine_number(facts: Facts, pool: PoolFacts, pf: PfFacts | None) -> Iterator[Finding]:
    definition = pool.definition
    where = f"pool {definition.name}"
    if pf is None:
        yield Finding(
            Code.POOL_NO_PF,
            Level.FAILS,
            where,
            f"no PF on this host has the interface {definition.pf_name}",
            f"Could not get Virtual functions on {definition.pf_name}",
            (
                Reading(
                    f"/sys/class/net/{definition.pf_name}", "does not exist, or belongs to no PF"
                ),
            ),
            "portside vf list shows the PFs and their interfaces; define the pool with one of them",
        )
        return
    if pf.pf.vfs is UNKNOWN:
        return
    yield from _examine_minimum(where, definition.minimum, pf)
    yield from _examine_room(facts, pool, pf)


def _examine_room(facts: Facts, pool: PoolFacts, pf: PfFacts) -> Iterator[Finding]:
    """Compare the VFs that may be taken, and those that libvirt takes all the same, with wants."""
    name, wants = pool.definition.name, (*pool.wants, *_asks(facts, pool))
    asked, free = sum(want.count for want in wants), count_free(facts, pf)
    given = sum(_is_given(facts, vf) for vf in pf.vfs)
    fails = asked > given
    # Without libvirt's answer no VF is known to be free; that is a finding of its own.
    if not fails and (asked <= free or facts.libvirt.error):
        return
    yield Finding(
        Code.POOL_TOO_SMALL,
        Level.FAILS if fails else Level.WARNING,
        f"pool {name}",
        f"{free} of its {len(pf.vfs)} VFs are free, and domains that are not running need {asked}",
        f"network '{name}' requires exclusive access to interfaces, but none are available"
        if fails
        else "no error: libvirt assigns any VF that none of its own running domains has",
        (*_describe_wants(wants), *describe_users(facts, pf)),
        "Create more VFs (a larger <vf num=.../>, then portside pool plan "
        f"{name}), or do not run all of them at the same time",
    )


def _examine_minimum(where: str, minimum: int | None, pf: PfFacts) -> Iterator[Finding]:
    present, total, limit = len(pf.vfs), pf.pf.totalvfs, pf.driver.limit
    if minimum is None or minimum <= present:
        return
    path = f"/sys/bus/pci/devices/{pf.pf.address}"
    evidence = (
        Reading(f"{where}, <vf num>", str(minimum)),
        Reading(path, f"{present} virtfn links"),
        Reading(f"{path}/sriov_totalvfs", "cannot be read" if total is UNKNOWN else str(total)),
    )
    wants = f"it wants {minimum} VFs, and {pf.name} "
    if total is not UNKNOWN and minimum > total:
        yield Finding(
            Code.POOL_ABOVE_TOTAL,
            Level.FAILS,
            where,
            f"{wants}can have {total}",
            "write to sriov_numvfs: Numerical result out of range (ERANGE)",
            evidence,
            " ".join(
                (
                    "Define the pool with fewer; some cards allow more by their firmware's setup.",
                    *pf.driver.hints,
                )
            ),
        )
    elif limit is not None and minimum > limit:
        yield Finding(
            Code.POOL_ABOVE_LIMIT,
            Level.FAILS,
            where,
            f"{wants}gets at most {limit} from its driver {pf.pf.driver}",
            "write to sriov_numvfs: Operation not permitted (EPERM)",
            (*evidence, Reading("the driver", " ".join(pf.driver.hints))),
            "Define the pool with fewer VFs",
        )
    else:
        yield Finding(
            Code.POOL_FEW_VFS,
            Level.FAILS,
            where,
            f"{wants}has {present} now",
            "",
            evidence,
            "portside pool start creates them if every existing VF is proven free; portside "
            "pool plan shows what blocks it",
        )


def _examine_strangers(facts: Facts) -> Iterator[Finding]:
    """Look at the networks that the domain names and that are no pools of ours."""
    domain = facts.domain
    if domain is None or facts.libvirt.error:
        return
    known = {pool.definition.name for pool in facts.pools}
    names = dict.fromkeys(device.network for device in domain.devices if device.network)
    for name in names:
        if name in known:
            continue
        active = facts.libvirt.networks.get(name)
        where = f"domain {domain.name}"
        if active is None:
            yield _no_network(name, where, facts.libvirt.uri)
        elif not active:
            yield Finding(
                Code.NETWORK_INACTIVE,
                Level.FAILS,
                where,
                f"network {name} is not started",
                f"network '{name}' is not active",
                (Reading(f"libvirt, network {name}", "not active"),),
                f"virsh net-start {name}",
            )


def _fine(facts: Facts, pool: PoolFacts, pf: PfFacts | None) -> Finding:
    free = 0 if pf is None else count_free(facts, pf)
    name, state = pool.definition.name, "active" if pool.active is True else "state unknown"
    text = f"{state}, {free} of {0 if pf is None else len(pf.vfs)} VFs are free"
    evidence = (
        Reading(f"libvirt, network {name}", state),
        *(() if pf is None else describe_users(facts, pf)),
    )
    return Finding(Code.POOL, Level.OK, f"pool {name}", text, evidence=evidence)


def _is_wanted(facts: Facts, pool: PoolFacts) -> bool:
    return bool(pool.wants or _asks(facts, pool) or facts.wanted_pool == pool.definition.name)


def _asks(facts: Facts, pool: PoolFacts) -> tuple[Want, ...]:
    """Return what the domain of the call asks for, if libvirt does not count it already."""
    domain = facts.domain
    if domain is None or facts.running or any(one.domain == domain.name for one in pool.wants):
        return ()
    count = domain.wants(pool.definition.name)
    return (Want(domain.name, count),) if count else ()


def _is_given(facts: Facts, vf: VirtualFunction) -> bool:
    """Tell whether libvirt's network gives a VF away, be it free or not.

    libvirt asks nobody but its own domains, and takes a VF from an interface of the host; so
    only one that has no interface here and is in use is out of reach.
    """
    if vf.address in facts.holders:
        return False
    evidence = facts.assessments[vf.address].evidence
    return bool(vf.interfaces) or all(one.verdict is not Availability.IN_USE for one in evidence)


def _describe_wants(wants: tuple[Want, ...]) -> Iterator[Reading]:
    for want in wants:
        plural = "" if want.count == 1 else "s"
        yield Reading(f"domain {want.domain}", f"not running, wants {want.count} VF{plural}")
