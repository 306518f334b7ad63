# SPDX-License-Identifier: Apache-2.0
"""Whether a VF's lease may be cleared by hand: only once it is proven that nobody has the VF."""

from dataclasses import dataclass
from typing import Final

from sidecar.errors import CapacityError, HostError
from sidecar.model.availability import Assessment, Availability, Source
from sidecar.model.lease import HolderKind, Lease, LeaseState
from sidecar.model.missing import no_lease
from sidecar.model.vf import UNKNOWN, Unknown, VirtualFunction
from sidecar.pools.rules.guard import assess_for_removal
from sidecar.pools.rules.stale import assess_for_return

_ASK_LIBVIRT: Final = "Start libvirt, or name the right one with --connect"


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A VF's lease, and what is seen of the VF at the same time.

    Args:
        lease: the record.
        vf: ``None`` if it is not there; unknown if its PF's VFs cannot be listed.
        assessment: of the VF, by every signal; ``None`` without VF.
        promised: the domain whose configuration names the VF, empty if none does.
        unasked: why libvirt cannot tell that, empty if it can.
        quarantine: why nothing may touch the PF, empty if it may.
    """

    lease: Lease
    vf: VirtualFunction | Unknown | None
    assessment: Assessment | None
    promised: str = ""
    unasked: str = ""
    quarantine: str = ""

    @property
    def name(self) -> str:
        """Name the VF, by its address too if it has one."""
        address = f" ({self.vf.address})" if isinstance(self.vf, VirtualFunction) else ""
        return f"VF {self.lease.index}{address} of {self.lease.pf}"


def check_clear(view: LeaseView, *, stale: bool = False) -> None:
    """Let pass what may be cleared.

    A lease that is to be inspected goes if nobody has its VF, or if there is no such VF. One
    that is somebody's goes only if it is ``stale``: it is a domain's that has neither the VF
    nor will have it at its next start. Of VMIs and claims no signal tells that one is about
    to start, so theirs go only if there is no such VF.

    Args:
        view: read while the PF is locked.
        stale: whether a lease that is somebody's is meant.

    Raises:
        RequestError: there is no lease.
        CapacityError: somebody has the VF, is to have it, or may have it.
        HostError: cannot determine whether the VF exists, or nothing may touch its PF.
    """
    lease = view.lease
    if lease.free:
        raise no_lease(view.name)
    if lease.state is not LeaseState.INSPECT and not (stale and lease.state is LeaseState.LEASED):
        raise _is_somebodys(view)
    _check_pf(view)
    if lease.state is LeaseState.LEASED:
        _check_stale(view)
    _check_unused(view)


def _is_somebodys(view: LeaseView) -> CapacityError:
    return CapacityError(
        "the VF is leased; not clearing the lease",
        where=view.name,
        found=f"{view.lease.state} by {view.lease.holder}, generation {view.lease.generation}",
        todo=_how_to_return(view),
    )


def _how_to_return(view: LeaseView) -> str:
    holder = view.lease.holder
    if holder is not None and holder.kind is not HolderKind.DOMAIN:
        return f"The lease is returned when the {holder.kind} stops"
    stale = "--stale clears the lease of a domain that no longer has the VF"
    if holder is None or not isinstance(view.vf, VirtualFunction):
        return stale
    return f"portside pool detach {holder.name} --vf {view.vf.address} returns it; {stale}"


def _check_pf(view: LeaseView) -> None:
    if view.quarantine:
        raise HostError(
            "the PF is in quarantine; not clearing the lease",
            where=view.name,
            found=f"in quarantine: {view.quarantine}",
            todo="portside pool recover ends the quarantine",
        )
    if view.vf is UNKNOWN:
        raise HostError(
            "cannot determine whether the VF exists; not clearing the lease",
            where=view.name,
            found=f"the VFs of {view.lease.pf} cannot be listed",
            todo="Run as root, on the host itself",
        )


def _check_stale(view: LeaseView) -> None:
    holder = view.lease.holder
    if view.vf is not None and holder is not None and holder.kind is not HolderKind.DOMAIN:
        raise CapacityError(
            f"a {holder.kind} may be about to start with the VF; not clearing the lease",
            where=view.name,
            found=f"leased by {holder}",
            todo=_how_to_return(view),
        )
    if view.unasked:
        raise CapacityError(
            "cannot query libvirt for domains that are configured with the VF; not clearing the "
            "lease",
            where=view.name,
            found=view.unasked,
            todo=_ASK_LIBVIRT,
        )
    if view.promised:
        raise CapacityError(
            "a domain's configuration has the VF; not clearing the lease",
            where=view.name,
            found=f"the configuration of domain {view.promised} names it",
            todo=f"portside pool detach {view.promised} removes it",
        )


def _check_unused(view: LeaseView) -> None:
    """Demand proof that nobody has the VF; the lease in question proves nothing itself."""
    if view.assessment is None:
        return  # there is no such VF
    # A configuration that names the VF was looked at, where it matters.
    seen = assess_for_removal(assess_for_return(view.assessment))
    if seen.free:
        return
    raise CapacityError(
        f"the VF {seen.state}; not clearing the lease",
        where=view.name,
        found=seen.why,
        todo=_what_to_do(seen),
    )


def _what_to_do(seen: Assessment) -> str:
    if seen.availability is Availability.IN_USE:
        return f"Release it first: {', '.join(seen.users) or 'unknown user'}"
    doubts = {one.source for one in seen.obstacles}
    return _ASK_LIBVIRT if Source.LIBVIRT in doubts else "Run as root, on the host itself"
