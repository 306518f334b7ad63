# SPDX-License-Identifier: Apache-2.0
"""Which signals make a VF what it is."""

from dataclasses import replace
from itertools import combinations

import pytest

from sidecar.model.availability import Availability, Evidence, Source
from sidecar.model.guest import GuestDevice
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.pools.rules.availability import (
    NO_LIBVIRT,
    Guests,
    assess,
    count_vfs,
    promise,
    weigh_configuration,
    weigh_guest,
    weigh_lease,
    weigh_records,
    without,
)
from tests.unit.pools.rules.situations import (
    FREE,
    HELD,
    KERNEL_FREE,
    LIBVIRT_FREE,
    NO_LEASE,
    PF,
    situation,
    vf,
)

HOLDER = Holder(HolderKind.DOMAIN, "vm1", "7a2ab9c0")
PAUSED = GuestDevice("vm1", "7a2ab9c0", "paused", live=True, vf=vf(0).address)
SHUT_OFF = replace(PAUSED, domain="vm2", state="shut off", live=False)


def unsure(source: Source) -> Evidence:
    return Evidence(Availability.UNKNOWN, "cannot be read", source=source)


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
        ((), False),
    ],
)
def test_two_sources_prove_and_one_doubt_disproves(
    evidence: tuple[Evidence, ...], *, proven: bool
) -> None:
    seen = assess(evidence)
    assert seen.free is proven
    assert bool(seen.why) is not proven


def test_the_worst_signal_counts_and_a_promise_is_of_what_is_proven_free() -> None:
    for first, second in combinations(Availability, 2):
        signals = [replace(KERNEL_FREE, verdict=one) for one in (second, first)]
        assert assess((*FREE.evidence, *signals)).availability is first
    promised = assess((*FREE.evidence, weigh_configuration("vm1")))
    assert promised.availability is Availability.PROMISED
    unproven = assess((KERNEL_FREE, weigh_configuration("vm1")))
    assert unproven.availability is Availability.UNKNOWN
    assert unproven.obstacles[0].text == "not confirmed by a second source"


def test_what_is_left_out_is_decided_anew() -> None:
    leased = assess((*FREE.evidence, weigh_lease(Lease(PF, 0, 1, LeaseState.LEASED, HOLDER))))
    assert leased.availability is Availability.LEASED
    assert without(leased, Source.LEASES).free
    alone = without(leased, Source.LIBVIRT, Source.LEASES)
    assert alone.availability is Availability.UNKNOWN
    # What was missing then is not missing for ever.
    assert assess((*alone.evidence, LIBVIRT_FREE)).free


def test_libvirt_names_the_domain_that_has_it_and_those_that_will() -> None:
    assert weigh_guest(None).verdict is Availability.FREE
    answer = Guests((PAUSED, SHUT_OFF, replace(SHUT_OFF, alias="twice")))
    running, configured = answer.weigh(vf(0).address)
    assert running == Evidence(
        Availability.IN_USE, "domain vm1 (paused) has it", "domain vm1", Source.LIBVIRT
    )
    assert configured == Evidence(
        Availability.PROMISED,
        "the configuration of domain vm2 names it",
        "domain vm2",
        Source.CONFIGURATIONS,
    )
    (other,) = answer.weigh(vf(1).address)
    assert other.verdict is Availability.FREE


def test_no_answer_is_a_doubt_and_no_libvirt_is_somebodys_word() -> None:
    (silent,) = Guests(unknown="refused").weigh(vf(0).address)
    assert (silent.verdict, silent.text) == (
        Availability.UNKNOWN,
        "cannot query libvirt: refused",
    )
    (absent,) = NO_LIBVIRT.weigh(vf(0).address)
    assert (absent.verdict, absent.source) == (Availability.FREE, Source.LIBVIRT)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (LeaseState.FREE, Availability.FREE),
        (LeaseState.TAKING, Availability.LEASED),
        (LeaseState.LEASED, Availability.LEASED),
        (LeaseState.RETURNING, Availability.LEASED),
        (LeaseState.INSPECT, Availability.INSPECT),
    ],
)
def test_every_state_of_a_lease_has_its_verdict(state: LeaseState, verdict: Availability) -> None:
    holder = None if state is LeaseState.FREE else HOLDER
    evidence = weigh_lease(Lease(PF, 0, 3, state, holder))
    assert evidence.verdict is verdict
    assert evidence.source is Source.LEASES
    assert evidence.who == ("domain vm1" if holder else "")


def test_a_quarantine_and_records_that_cannot_be_read_are_signals_too() -> None:
    assert [one.verdict for one in weigh_records(None, "it hung")] == [
        Availability.FREE,
        Availability.QUARANTINED,
    ]
    (unreadable,) = weigh_records(None, "", "permission denied")
    assert unreadable.verdict is Availability.UNKNOWN
    assert "permission denied" in unreadable.text


def test_what_a_vm_names_is_promised_to_it() -> None:
    view = promise(situation([FREE, HELD, FREE]).view, {vf(0).address: "$[0]"})
    assert [view.assess(one).availability for one in view.vfs] == [
        Availability.PROMISED,
        Availability.IN_USE,
        Availability.FREE,
    ]
    assert view.assess(vf(0)).why == "also named by $[0] of the same VM"
    assert count_vfs(view)[Availability.FREE] == 1
    assert set(count_vfs(view)) == set(Availability)
