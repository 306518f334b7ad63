# SPDX-License-Identifier: Apache-2.0
"""Whether a VF's lease may be cleared by hand: only once it is proven that nobody has the VF."""

from dataclasses import dataclass
from typing import Final

from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.lease import HolderKind, Lease, LeaseState
from sidecar.model.vf import UNKNOWN, Source, Unknown, Usage, Verdict, VirtualFunction
from sidecar.pools.rules.guard import is_proven_free, without_lease

_ASK_LIBVIRT: Final = "Start libvirt, or name the right one with --connect"


@dataclass(frozen=True, slots=True)
class LeaseView:
    """A VF's lease, and what is seen of the VF at the same time.

    Args:
        lease: the record.
        vf: ``None`` if it is not there; unknown if its PF's VFs cannot be listed.
        usage: of the VF, by every signal; ``None`` without VF.
        promised: the domain whose XML names the VF, empty if none does.
        quarantine: why nothing may touch the PF, empty if it may.
    """

    lease: Lease
    vf: VirtualFunction | Unknown | None
    usage: Usage | None
    promised: str | Unknown = ""
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
        HostError: nobody can tell whether the VF is there, or nothing may touch its PF.
    """
    lease = view.lease
    if lease.free:
        raise RequestError(
            "there is no lease to clear", where=view.name, todo="portside lease list shows all"
        )
    if lease.state is not LeaseState.INSPECT and not (stale and lease.state is LeaseState.LEASED):
        raise _is_somebodys(view)
    _check_pf(view)
    if lease.state is LeaseState.LEASED:
        _check_stale(view)
    _check_unused(view)


def _is_somebodys(view: LeaseView) -> CapacityError:
    return CapacityError(
        "the VF is somebody's, so its lease stays",
        where=view.name,
        found=f"{view.lease.state} by {view.lease.holder}, generation {view.lease.generation}",
        todo=_how_to_return(view),
    )


def _how_to_return(view: LeaseView) -> str:
    holder = view.lease.holder
    if holder is not None and holder.kind is not HolderKind.DOMAIN:
        return f"It is returned when the {holder.kind} is stopped"
    stale = "--stale clears the lease of a domain that has the VF no more"
    if holder is None or not isinstance(view.vf, VirtualFunction):
        return stale
    return f"portside pool detach {holder.name} --vf {view.vf.address} gives it back; {stale}"


def _check_pf(view: LeaseView) -> None:
    if view.quarantine:
        raise HostError(
            "nothing may touch the PF, so the lease stays",
            where=view.name,
            found=f"in quarantine: {view.quarantine}",
            todo="portside pool recover ends that",
        )
    if view.vf is UNKNOWN:
        raise HostError(
            "nobody can tell whether the VF is there, so its lease stays",
            where=view.name,
            found=f"the VFs of {view.lease.pf} cannot be listed",
            todo="Run as root, on the host itself",
        )


def _check_stale(view: LeaseView) -> None:
    holder = view.lease.holder
    if view.vf is not None and holder is not None and holder.kind is not HolderKind.DOMAIN:
        raise CapacityError(
            f"a {holder.kind} may be about to start with the VF, so its lease stays",
            where=view.name,
            found=f"leased by {holder}",
            todo=_how_to_return(view),
        )
    if view.promised is UNKNOWN:
        raise CapacityError(
            "libvirt cannot be asked whether a domain is to have the VF, so its lease stays",
            where=view.name,
            todo=_ASK_LIBVIRT,
        )
    if view.promised:
        raise CapacityError(
            "a domain is to have the VF, so its lease stays",
            where=view.name,
            found=f"the XML of domain {view.promised} names it",
            todo=f"portside pool detach {view.promised} takes it out",
        )


def _check_unused(view: LeaseView) -> None:
    """Demand proof that nobody has the VF; the lease in question proves nothing itself."""
    if view.usage is None:
        return  # there is no such VF
    usage = without_lease(view.usage)
    if is_proven_free(usage):
        return
    in_use = usage.verdict is Verdict.IN_USE
    found = [one.text for one in usage.evidence if one.verdict is not Verdict.FREE]
    raise CapacityError(
        f"the VF {'is in use' if in_use else 'is not proven free'}, so its lease stays",
        where=view.name,
        found="; ".join(found) or "only one signal says that it is free",
        todo=_what_to_do(usage),
    )


def _what_to_do(usage: Usage) -> str:
    if usage.verdict is Verdict.IN_USE:
        return f"Let go of it first: {', '.join(usage.users) or 'whoever has it'}"
    doubts = {one.source for one in usage.evidence if one.verdict is Verdict.UNKNOWN}
    return _ASK_LIBVIRT if Source.LIBVIRT in doubts else "Run as root, on the host itself"
