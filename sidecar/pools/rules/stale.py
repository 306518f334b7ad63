# SPDX-License-Identifier: Apache-2.0
"""When a lease may end: nobody has its VF, or will have it."""

from collections.abc import Collection

from sidecar.model.availability import Assessment, Availability, Source
from sidecar.model.lease import HolderKind, Lease, LeaseState
from sidecar.model.pool import PfView
from sidecar.model.vf import Unknown, VirtualFunction
from sidecar.pools.rules.availability import Guests, without


def assess_for_return(assessment: Assessment) -> Assessment:
    """Assess a VF for the end of its lease, which does not stand against itself."""
    return without(assessment, Source.LEASES)


def find_stale(view: PfView) -> tuple[tuple[VirtualFunction, Lease], ...]:
    """Return the leases of domains that lost their VF by other ways, each with its VF.

    Only what a domain holds, and only if all other signals prove that the VF is free and no
    configuration names it. Whoever asks holds the PF's lock, so no attach is under way.
    """
    return tuple(
        (vf, lease)
        for vf in view.vfs
        if (lease := view.leases.get(vf.index)) is not None
        and lease.state is LeaseState.LEASED
        and lease.holder is not None
        and lease.holder.kind is HolderKind.DOMAIN
        and assess_for_return(view.assess(vf)).free
    )


def say_still_held(assessment: Assessment) -> str:
    """Say who still has a VF besides its lease, or will have it; empty if nobody."""
    seen = assess_for_return(assessment)
    return "" if seen.free else seen.why


def is_to_be_kept(assessment: Assessment) -> bool:
    """Tell whether a configuration names a VF: then waiting for its guest ends no lease."""
    return any(one.verdict is Availability.PROMISED for one in assessment.evidence)


def name_waiting(
    guests: Guests, lease: Lease, vf: VirtualFunction | Unknown | None, there: Collection[str]
) -> str:
    """Return a domain that has or will have a leased VF by its XML, empty if none is known to.

    The address of a VF that is not there is not known; so any device of its holder counts that
    is not there either.

    Args:
        guests: libvirt's answer.
        lease: of the VF.
        vf: ``None`` or unknown if it is not there, or nobody can tell.
        there: names of the PCI devices that there are.
    """
    if isinstance(vf, VirtualFunction):
        named = [one.domain for one in guests.devices if one.vf == vf.address]
    else:
        owner = "" if lease.holder is None else lease.holder.uid
        its = (one for one in guests.devices if one.uuid == owner)
        named = [one.domain for one in its if str(one.vf) not in there]
    return named[0] if named else ""
