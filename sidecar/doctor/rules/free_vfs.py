# SPDX-License-Identifier: Apache-2.0
"""Can a VF of a pool be attached now, and does the host keep VFs for itself?"""

from collections.abc import Iterator

from sidecar.doctor.rules.facts import Facts, PfFacts, PoolFacts
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.model.host_facts import Reading
from sidecar.pools.rules.on_host import interfaces_up, keep_unmanaged


def examine_free(facts: Facts, pool: PoolFacts, pf: PfFacts | None) -> Iterator[Finding]:
    """Say why no VF of the pool that the call is about can be attached to the call's domain.

    Args:
        facts: of the host.
        pool: the pool.
        pf: its PF, ``None`` if it is not here.
    """
    if pf is None:
        return
    name = pool.definition.name
    none_free = facts.wanted_pool == name and not count_free(facts, pf)
    yield from _examine_host(facts, name, pf, fails=none_free)
    # Without libvirt's answer no VF is known to be free; that is a finding of its own.
    if none_free and facts.domain is not None and not facts.libvirt.error:
        yield Finding(
            Code.POOL_EXHAUSTED,
            Level.FAILS,
            f"pool {name}",
            f"none of its {len(pf.vfs)} VFs is free, so none can be attached to domain "
            f"{facts.domain.name} now",
            f"network '{name}' requires exclusive access to interfaces, but none are available",
            (
                Reading(f"/sys/bus/pci/devices/{pf.pf.address}", f"{len(pf.vfs)} virtfn links"),
                *describe_users(facts, pf),
            ),
            "Let one of its users give a VF back (portside pool detach), or define the pool with "
            "more VFs; portside vf list shows who has each",
        )


def _examine_host(facts: Facts, name: str, pf: PfFacts, *, fails: bool) -> Iterator[Finding]:
    ours = [vf for vf in pf.vfs if vf.address not in facts.holders]
    names = interfaces_up(ours)
    if not names:
        return
    yield Finding(
        Code.POOL_ON_HOST,
        Level.FAILS if fails else Level.WARNING,
        f"pool {name}",
        f"{len(names)} of its {len(pf.vfs)} VFs are up on the host, most likely by its network "
        "manager: Portside gives none of these to a guest",
        "nothing: libvirt takes them away from there",
        tuple(Reading(f"/sys/class/net/{one}/flags", "up (IFF_UP)") for one in names),
        keep_unmanaged(pf.pf.address, names),
    )


def count_free(facts: Facts, pf: PfFacts) -> int:
    """Count a PF's VFs that may be taken."""
    return sum(facts.assessments[vf.address].free for vf in pf.vfs)


def describe_users(facts: Facts, pf: PfFacts) -> Iterator[Reading]:
    """Say of each VF that may not be taken why, and who has it."""
    for vf in pf.vfs:
        seen = facts.assessments[vf.address]
        if not seen.free:
            yield Reading(f"VF {vf.index} {vf.address}", f"{seen.availability}: {seen.why}")
