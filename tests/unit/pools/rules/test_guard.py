# SPDX-License-Identifier: Apache-2.0
"""Which VFs are proven free."""

from dataclasses import replace

import pytest

from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.vf import UNKNOWN, Evidence, Source, Usage, Verdict
from sidecar.pools.rules.guard import (
    Guest,
    RefusedError,
    find_holders,
    is_proven_free,
    refuse,
    weigh_lease,
    weigh_libvirt,
)
from tests.unit.pools.rules.situations import (
    FREE,
    HELD,
    KERNEL_FREE,
    LIBVIRT_FREE,
    NO_LEASE,
    PF,
    situation,
)

HOLDER = Holder(HolderKind.DOMAIN, "vm1", "7a2ab9c0")


def unsure(source: Source) -> Evidence:
    return Evidence(Verdict.UNKNOWN, "cannot be read", source=source)


@pytest.mark.parametrize(
    ("evidence", "proven"),
    [
        ((KERNEL_FREE, LIBVIRT_FREE), True),
        ((KERNEL_FREE, LIBVIRT_FREE, NO_LEASE), True),
        ((KERNEL_FREE, replace(LIBVIRT_FREE, source=Source.PROCESSES)), True),
        ((KERNEL_FREE,), False),
        ((KERNEL_FREE, KERNEL_FREE), False),
        ((LIBVIRT_FREE, NO_LEASE), False),
        # That we leased it to nobody is no proof: most users of VFs do not ask us.
        ((KERNEL_FREE, NO_LEASE), False),
        ((KERNEL_FREE, LIBVIRT_FREE, unsure(Source.LEASES)), False),
        ((KERNEL_FREE, LIBVIRT_FREE, unsure(Source.KERNEL)), False),
        ((KERNEL_FREE, unsure(Source.LIBVIRT), NO_LEASE), False),
        ((*HELD.evidence, KERNEL_FREE), False),
    ],
)
def test_two_sources_prove_and_one_doubt_disproves(
    evidence: tuple[Evidence, ...], proven: bool
) -> None:
    assert is_proven_free(Usage(evidence)) is proven


def test_a_holder_is_named_with_what_was_seen() -> None:
    (obstacle,) = find_holders(situation([FREE, HELD, FREE]).view)
    assert obstacle.who == "qemu 7"
    assert "VF 1 (0000:01:10.1) is in use: process qemu 7 has /dev/vfio/4 open" in obstacle.text


def test_what_nobody_knows_stands_against_it_too() -> None:
    doubtful = Usage((KERNEL_FREE, unsure(Source.LIBVIRT)))
    (obstacle,) = find_holders(situation([doubtful]).view)
    assert "not proven free: cannot be read" in obstacle.text
    (obstacle,) = find_holders(situation([Usage((KERNEL_FREE,))]).view)
    assert "only one signal" in obstacle.text


def test_vfs_that_cannot_be_listed_are_not_proven_free() -> None:
    (obstacle,) = find_holders(situation(vfs=UNKNOWN).view)
    assert str(PF) in obstacle.text


def test_libvirt_names_the_domain() -> None:
    evidence = weigh_libvirt(Guest("vm1", "paused"))
    assert evidence == Evidence(
        Verdict.IN_USE, "domain vm1 (paused) has it", "domain vm1", Source.LIBVIRT
    )
    assert weigh_libvirt(None).verdict is Verdict.FREE


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (LeaseState.FREE, Verdict.FREE),
        (LeaseState.TAKING, Verdict.IN_USE),
        (LeaseState.LEASED, Verdict.IN_USE),
        (LeaseState.RETURNING, Verdict.IN_USE),
        (LeaseState.INSPECT, Verdict.UNKNOWN),
    ],
)
def test_every_state_of_a_lease_has_its_verdict(state: LeaseState, verdict: Verdict) -> None:
    holder = None if state is LeaseState.FREE else HOLDER
    evidence = weigh_lease(Lease(PF, 0, 3, state, holder))
    assert evidence.verdict is verdict
    assert evidence.source is Source.LEASES
    assert evidence.who == ("domain vm1" if holder else "")


def test_a_refusal_holds_all_obstacles_and_nothing_refuses_nothing() -> None:
    refuse("no", ())
    obstacles = find_holders(situation([HELD, HELD]).view)
    with pytest.raises(RefusedError, match=r"qemu 7.*; VF 1.*Nothing was changed") as caught:
        refuse("pool cannot be stopped", obstacles)
    assert caught.value.obstacles == obstacles
