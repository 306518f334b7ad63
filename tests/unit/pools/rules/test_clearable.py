# SPDX-License-Identifier: Apache-2.0
"""Which leases may be cleared by hand, and what a refusal says."""

from dataclasses import replace

import pytest

from sidecar.errors import CapacityError, HostError, PortsideError, RequestError
from sidecar.model.availability import Assessment, Availability, Evidence, Source
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.vf import UNKNOWN
from sidecar.pools.rules.availability import assess, weigh_lease
from sidecar.pools.rules.clearable import LeaseView, check_clear
from tests.unit.domainxml.build import refusal
from tests.unit.pools.rules.situations import FREE, HELD, KERNEL_FREE, LIBVIRT_FREE, PF, vf

DOMAIN = Holder(HolderKind.DOMAIN, "vm1", "7a2ab9c0")
UNPROVEN = "not confirmed by a second source"
VMI = Holder(HolderKind.VMI, "shop/vm1", "1")
INSPECT = Lease(PF, 0, 4, LeaseState.INSPECT, DOMAIN, reason="taking it was cut short")
LEASED = Lease(PF, 0, 4, LeaseState.LEASED, DOMAIN)
SILENT = assess(
    (
        KERNEL_FREE,
        Evidence(Availability.FREE, "no process has it open", source=Source.PROCESSES),
        Evidence(Availability.UNKNOWN, "cannot query libvirt: refused", source=Source.LIBVIRT),
    )
)


def view(lease: Lease, seen: Assessment | None = FREE, **changes: object) -> LeaseView:
    """Return what is seen of a lease and its VF, which is not there without ``seen``."""
    if seen is not None:
        seen = assess((*seen.evidence, weigh_lease(lease)))
    whole = LeaseView(lease, None if seen is None else vf(0), seen)
    return replace(whole, **changes)  # type: ignore[arg-type] # by name, as the test has it


def refuse(kind: type[PortsideError], seen: LeaseView, *, stale: bool = False) -> PortsideError:
    return refusal(kind, check_clear, seen, stale=stale)


@pytest.mark.parametrize("stale", [True, False])
@pytest.mark.parametrize("usage", [FREE, None])
@pytest.mark.parametrize("holder", [DOMAIN, VMI, None])
def test_what_is_to_be_inspected_goes_if_nobody_has_it(
    holder: Holder | None, usage: Assessment | None, *, stale: bool
) -> None:
    check_clear(view(replace(INSPECT, holder=holder), usage), stale=stale)


@pytest.mark.parametrize("stale", [True, False])
@pytest.mark.parametrize(
    ("usage", "found", "todo"),
    [
        (HELD, "process qemu 7 has /dev/vfio/4 open", "Release it first: qemu 7"),
        (SILENT, "cannot query libvirt: refused", "Start libvirt"),
        (assess((KERNEL_FREE,)), UNPROVEN, "Run as root"),
        (assess((LIBVIRT_FREE,)), UNPROVEN, "Run as root"),
        (
            assess((Evidence(Availability.UNKNOWN, "enable cannot be read"), LIBVIRT_FREE)),
            "enable cannot be read",
            "Run as root",
        ),
    ],
)
@pytest.mark.parametrize("lease", [INSPECT, LEASED])
def test_it_stays_unless_that_is_proven(
    lease: Lease, usage: Assessment, found: str, todo: str, *, stale: bool
) -> None:
    error = refuse(CapacityError, view(lease, usage), stale=stale)
    assert "not clearing the lease" in error.what
    assert str(vf(0).address) in error.where
    if lease is INSPECT or stale:
        assert error.found == found
        assert error.todo.startswith(todo)


@pytest.mark.parametrize("state", [LeaseState.LEASED, LeaseState.TAKING, LeaseState.RETURNING])
def test_somebodys_lease_is_left_to_him(state: LeaseState) -> None:
    error = refuse(CapacityError, view(replace(LEASED, state=state)))
    assert error.found == f"{state} by domain vm1, generation 4"
    assert error.todo.startswith(f"portside pool detach vm1 --vf {vf(0).address} returns it")
    assert "--stale" in error.todo


@pytest.mark.parametrize("state", [LeaseState.TAKING, LeaseState.RETURNING])
def test_what_is_under_way_is_not_stale(state: LeaseState) -> None:
    refuse(CapacityError, view(replace(LEASED, state=state)), stale=True)


@pytest.mark.parametrize("usage", [FREE, None])
def test_a_stale_lease_goes_if_asked_for(usage: Assessment | None) -> None:
    refuse(CapacityError, view(LEASED, usage))
    check_clear(view(LEASED, usage), stale=True)


@pytest.mark.parametrize("usage", [FREE, None])
def test_it_is_not_stale_if_a_domain_is_to_have_the_vf(usage: Assessment | None) -> None:
    error = refuse(CapacityError, view(LEASED, usage, promised="vm1"), stale=True)
    assert error.found == "the configuration of domain vm1 names it"
    assert "portside pool detach vm1" in error.todo
    check_clear(view(INSPECT, usage, promised="vm1"))


@pytest.mark.parametrize("usage", [FREE, None])
def test_nor_if_libvirt_cannot_tell(usage: Assessment | None) -> None:
    error = refuse(CapacityError, view(LEASED, usage, unasked="refused"), stale=True)
    assert "cannot query libvirt" in error.what


@pytest.mark.parametrize("kind", [HolderKind.VMI, HolderKind.CLAIM])
def test_a_vmi_may_be_about_to_start(kind: HolderKind) -> None:
    lease = replace(LEASED, holder=Holder(kind, "shop/vm1"))
    error = refuse(CapacityError, view(lease), stale=True)
    assert error.what.startswith(f"a {kind} may be about to start")
    assert error.todo == f"The lease is returned when the {kind} stops"
    assert refuse(CapacityError, view(lease)).todo == error.todo
    check_clear(view(lease, None), stale=True)


@pytest.mark.parametrize("lease", [INSPECT, LEASED])
def test_nothing_is_cleared_where_the_vf_cannot_be_seen(lease: Lease) -> None:
    error = refuse(HostError, view(lease, None, vf=UNKNOWN), stale=True)
    assert error.found == f"the VFs of {PF} cannot be listed"


@pytest.mark.parametrize("usage", [FREE, None])
@pytest.mark.parametrize("lease", [INSPECT, LEASED])
def test_nor_in_quarantine(lease: Lease, usage: Assessment | None) -> None:
    error = refuse(HostError, view(lease, usage, quarantine="a write hung"), stale=True)
    assert error.found == "in quarantine: a write hung"


def test_what_is_free_has_no_lease() -> None:
    assert refuse(RequestError, view(Lease(PF, 0))).what == "this VF has no lease"
