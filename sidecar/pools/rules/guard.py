# SPDX-License-Identifier: Apache-2.0
"""The guard: which VFs stand against removing all VFs of a PF.

The kernel removes VFs only all at once, and does not look who holds them: drivers ask
``pci_vfs_assigned()``, which VFIO never sets (Linux 6.12). So whoever writes 0 must have
proof for every one of them.
"""

from dataclasses import dataclass
from typing import Final

from sidecar.errors import CapacityError
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.pool import PfView
from sidecar.model.vf import UNKNOWN, Evidence, Source, Usage, Verdict, VirtualFunction

_PROVING: Final = frozenset({Source.KERNEL, Source.PROCESSES, Source.LIBVIRT})
"""That we have leased a VF to nobody does not prove that nobody has it."""
_SIGNALS: Final = 2
_SHOWN: Final = 16
"""How many obstacles an error tells; it carries all of them."""


@dataclass(frozen=True, slots=True)
class Guest:
    """A running domain that has a VF; ``state`` is libvirt's word (running, paused ...)."""

    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands against a step: a sentence, and who must act or let go, if known."""

    text: str
    who: str = ""

    def __str__(self) -> str:
        return self.text


def weigh_libvirt(guest: Guest | None) -> Evidence:
    """Say what libvirt knows of a VF; ``None`` if no running domain has it."""
    if guest is None:
        return Evidence(Verdict.FREE, "no running domain has it", source=Source.LIBVIRT)
    text = f"domain {guest.name} ({guest.state}) has it"
    return Evidence(Verdict.IN_USE, text, f"domain {guest.name}", Source.LIBVIRT)


def weigh_lease(lease: Lease | None) -> Evidence:
    """Say what our own record says of a VF; ``None`` if there is none."""
    if lease is None or lease.state is LeaseState.FREE:
        return Evidence(Verdict.FREE, "no lease", source=Source.LEASES)
    if lease.state is LeaseState.INSPECT:
        text = f"its lease is to be inspected: {lease.reason}"
        return Evidence(Verdict.UNKNOWN, text, str(lease.holder or ""), Source.LEASES)
    text = f"{lease.state} by {lease.holder}, generation {lease.generation}"
    return Evidence(Verdict.IN_USE, text, str(lease.holder), Source.LEASES)


def with_records(usage: Usage, libvirt: Evidence, lease: Lease | None) -> Usage:
    """Add what the records say to what was seen of a VF."""
    return Usage((*usage.evidence, libvirt, weigh_lease(lease)))


def without_lease(usage: Usage) -> Usage:
    """Leave our own records out of what was seen of a VF."""
    return Usage(tuple(one for one in usage.evidence if one.source is not Source.LEASES))


def is_proven_free(usage: Usage) -> bool:
    """Tell whether a VF is free by the kernel and one more source, and nothing says otherwise."""
    sources = {one.source for one in usage.evidence if one.verdict is Verdict.FREE}
    proving = sources & _PROVING
    return usage.free and Source.KERNEL in proving and len(proving) >= _SIGNALS


def find_holders(view: PfView) -> tuple[Obstacle, ...]:
    """Return an obstacle for every VF of the PF that is not proven free."""
    if view.pf.vfs is UNKNOWN:
        return (Obstacle(f"the VFs of {view.pf.address} cannot be listed"),)
    return tuple(
        Obstacle(_describe(vf, view.usage(vf)), ", ".join(view.usage(vf).users))
        for vf in view.pf.vfs
        if not is_proven_free(view.usage(vf))
    )


def _describe(vf: VirtualFunction, usage: Usage) -> str:
    reasons = [one.text for one in usage.evidence if one.verdict is Verdict.IN_USE]
    if not reasons:
        doubts = [one.text for one in usage.evidence if one.verdict is Verdict.UNKNOWN]
        reasons = doubts or ["only one signal says that it is free"]
        return f"VF {vf.index} ({vf.address}) is not proven free: {'; '.join(reasons)}"
    return f"VF {vf.index} ({vf.address}) is in use: {'; '.join(reasons)}"


class RefusedError(CapacityError):
    """Somebody holds what would be taken away; nothing was changed.

    Args:
        obstacles: what stands against it, at least one.
    """

    def __init__(self, what: str, obstacles: tuple[Obstacle, ...]) -> None:
        self.obstacles = obstacles
        super().__init__(
            what,
            found=_list(obstacles),
            todo="Nothing was changed. Let the holders go first, or leave the VFs as they are",
        )


def _list(obstacles: tuple[Obstacle, ...]) -> str:
    more = f"; and {len(obstacles) - _SHOWN} more" if len(obstacles) > _SHOWN else ""
    return "; ".join(str(one) for one in obstacles[:_SHOWN]) + more


def refuse(what: str, obstacles: tuple[Obstacle, ...]) -> None:
    """Raise ``RefusedError`` if anything stands against it."""
    if obstacles:
        raise RefusedError(what, obstacles)
