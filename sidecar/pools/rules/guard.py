# SPDX-License-Identifier: Apache-2.0
"""The guard: which VFs stand against removing all VFs of a PF.

The kernel removes VFs only all at once, and does not look who holds them: drivers ask
``pci_vfs_assigned()``, which VFIO never sets (Linux 6.12). So whoever writes 0 must have
proof for every one of them.
"""

from dataclasses import dataclass
from typing import Final

from sidecar.errors import CapacityError
from sidecar.model.availability import Assessment, Source
from sidecar.model.pool import PfView
from sidecar.model.vf import UNKNOWN, VirtualFunction
from sidecar.pools.rules.availability import without

_SHOWN: Final = 16
"""How many obstacles an error tells; it carries all of them."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands against a step: a sentence, and who must act or let go, if known."""

    text: str
    who: str = ""

    def __str__(self) -> str:
        return self.text


def assess_for_removal(assessment: Assessment) -> Assessment:
    """Assess a VF for its removal, or for its settings to be set anew.

    A configuration that names it does not have it: the VF is there again when its domain starts.
    That nothing may touch the PF is said of the PF, once.
    """
    return without(assessment, Source.CONFIGURATIONS, Source.QUARANTINE)


def find_holders(view: PfView) -> tuple[Obstacle, ...]:
    """Return an obstacle for every VF of the PF that is not proven free."""
    if view.pf.vfs is UNKNOWN:
        return (Obstacle(f"the VFs of {view.pf.address} cannot be listed"),)
    seen = ((vf, assess_for_removal(view.assess(vf))) for vf in view.pf.vfs)
    return tuple(
        Obstacle(_describe(vf, one), ", ".join(one.users)) for vf, one in seen if not one.free
    )


def _describe(vf: VirtualFunction, assessment: Assessment) -> str:
    return f"VF {vf.index} ({vf.address}) {assessment.state}: {assessment.why}"


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
            todo="Nothing was changed. Have the holders release their VFs first, or keep the "
            "current number of VFs",
        )


def _list(obstacles: tuple[Obstacle, ...]) -> str:
    more = f"; and {len(obstacles) - _SHOWN} more" if len(obstacles) > _SHOWN else ""
    return "; ".join(str(one) for one in obstacles[:_SHOWN]) + more


def refuse(what: str, obstacles: tuple[Obstacle, ...]) -> None:
    """Raise ``RefusedError`` if anything stands against it."""
    if obstacles:
        raise RefusedError(what, obstacles)
