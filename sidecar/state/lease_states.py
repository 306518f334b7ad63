# SPDX-License-Identifier: Apache-2.0
"""The life of a lease: which state follows which, and what each step changes. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from sidecar.errors import CapacityError, InternalError, RequestError
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.settings import VfSettings

TRANSITIONS: Final[Mapping[LeaseState, frozenset[LeaseState]]] = {
    LeaseState.FREE: frozenset({LeaseState.TAKING, LeaseState.INSPECT}),
    LeaseState.TAKING: frozenset({LeaseState.LEASED, LeaseState.RETURNING, LeaseState.INSPECT}),
    LeaseState.LEASED: frozenset({LeaseState.RETURNING, LeaseState.INSPECT}),
    LeaseState.RETURNING: frozenset({LeaseState.FREE, LeaseState.INSPECT}),
    LeaseState.INSPECT: frozenset({LeaseState.FREE, LeaseState.INSPECT}),
}
"""All that may happen. TAKING to RETURNING undoes a take whose settings failed; out of INSPECT
leads only the evidence that nobody has the VF."""

_CUT_SHORT: Final = {LeaseState.TAKING: "taking", LeaseState.RETURNING: "returning"}


def take(lease: Lease, holder: Holder, settings: VfSettings, pool: str, time: str) -> Lease:
    """Begin a lease; its own holder gets the one that it has, settings and all.

    Raises:
        CapacityError: somebody else has it, or it is to be inspected.
    """
    if lease.holder == holder and lease.state is LeaseState.LEASED:
        return lease
    if not lease.free:
        raise CapacityError(
            "the VF is not free",
            where=name(lease),
            found=describe(lease),
            todo="portside lease clear ends the lease once the VF is proven free"
            if lease.state is LeaseState.INSPECT
            else "",
        )
    return replace(
        step(lease, LeaseState.TAKING, time, holder=holder),
        generation=lease.generation + 1,
        settings=settings,
        pool=pool,
    )


def step(
    lease: Lease,
    state: LeaseState,
    time: str,
    *,
    holder: Holder | None = None,
    reason: str = "",
) -> Lease:
    """Go to another state; the holder stays unless the VF becomes free.

    Raises:
        InternalError: the table does not allow it; whoever asks has looked at the lease before.
    """
    if state not in TRANSITIONS[lease.state]:
        raise InternalError(
            f"a lease that is {lease.state} cannot become {state}",
            where=name(lease),
            found=describe(lease),
            expected=", ".join(sorted(TRANSITIONS[lease.state])),
        )
    if state is LeaseState.FREE:
        return Lease(lease.pf, lease.index, lease.generation, time=time)
    return replace(lease, state=state, holder=holder or lease.holder, time=time, reason=reason)


def recover(lease: Lease, time: str) -> Lease:
    """Turn an intent that nobody carries on into a question; leave the rest as it is."""
    what = _CUT_SHORT.get(lease.state)
    if what is None:
        return lease
    reason = f"{what} it for {lease.holder} was interrupted (started {lease.time})"
    return step(lease, LeaseState.INSPECT, time, reason=reason)


def check_generation(lease: Lease, generation: int) -> None:
    """Refuse a return that is meant for an earlier lease.

    Raises:
        RequestError: the generations differ.
    """
    if lease.generation != generation:
        raise RequestError(
            "a return of a lease that has ended: its generation is not the current one",
            where=name(lease),
            found=f"generation {generation}",
            expected=f"generation {lease.generation}, {describe(lease)}",
        )


def name(lease: Lease) -> str:
    """Name a lease's VF."""
    return f"VF {lease.index} of {lease.pf}"


def describe(lease: Lease) -> str:
    """Say in a few words whose a VF is."""
    text = f"{lease.state}, generation {lease.generation}"
    if lease.holder is not None:
        text += f", {lease.holder}" + (f" ({lease.holder.uid})" if lease.holder.uid else "")
    return f"{text}: {lease.reason}" if lease.reason else text


def format_time(now: datetime) -> str:
    """Write a time as records have it.

    Raises:
        InternalError: it has no time zone.
    """
    if now.tzinfo is None:
        raise InternalError("a time without a time zone", found=now.isoformat())
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
