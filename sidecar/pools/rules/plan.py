# SPDX-License-Identifier: Apache-2.0
"""What starting or stopping a pool would do, step by step, and what stands against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sidecar.pools.rules.guard import Obstacle, find_holders
from sidecar.pools.rules.situation import Situation
from sidecar.pools.rules.start_obstacles import find_faults, find_limits, find_sharers, quarantined


class StepKind(StrEnum):
    """Everything that a pool's start or stop consists of."""

    LINK_UP = "link up"
    STOP_NETWORK = "stop network"
    REMOVE_VFS = "remove VFs"
    MAKE_VFS = "make VFs"
    REPLAY_SETTINGS = "replay settings"
    CHECK_GROUPS = "check IOMMU groups"
    START_NETWORK = "start network"


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``count`` is of VFs where it has one."""

    kind: StepKind
    text: str
    count: int = 0


_REPLAY: Final = Step(
    StepKind.REPLAY_SETTINGS, "restore the settings made for the VFs through the PF"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in their order, taken only if there is no obstacle; ``notes`` are worth knowing."""

    steps: tuple[Step, ...]
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()


def plan_start(situation: Situation) -> Plan:
    """Plan a pool's start: at least its minimum of VFs, and its network running.

    The minimum is one: a larger number stays, and nothing is written. VFs that are there
    are only ever removed to make more of them, and only if each is proven free.
    """
    obstacles = (*find_faults(situation), *find_limits(situation))
    if obstacles:
        return Plan((), obstacles)
    wanted, present = situation.record.definition.minimum, situation.present
    grows = wanted is not None and present < wanted
    steps = list(_link_steps(situation))
    if grows and present:
        obstacles = (*find_holders(situation.view), *find_sharers(situation))
    if grows and wanted is not None:
        steps += _growth_steps(situation, wanted)
    elif situation.view.record.kept:
        steps.append(_REPLAY)
    restarted = grows and situation.active
    if not situation.active or restarted:
        steps.append(Step(StepKind.CHECK_GROUPS, "check that the IOMMU group of each VF is viable"))
        steps.append(Step(StepKind.START_NETWORK, f"start the network {_name(situation)}"))
    return Plan(tuple(steps), obstacles, tuple(_notes(situation, grows=grows)))


def plan_stop(situation: Situation, *, keep_vfs: bool) -> Plan:
    """Plan a pool's stop: its network stopped, and the VFs that we made removed.

    Args:
        situation: the pool now.
        keep_vfs: leave the VFs; then VFs in use are no obstacle either, since a network
            that stops does not take them from their guests.
    """
    stopping = tuple(_stop_steps(situation))
    holders = find_holders(situation.view)
    if keep_vfs:
        return Plan(stopping, notes=tuple(f"{one}; kept" for one in holders))
    ours = situation.made_by_us and not situation.sharers
    barred = [quarantined(situation)] if situation.view.quarantine and ours else []
    obstacles = (*holders, *barred)
    if obstacles:
        return Plan((), obstacles)
    if ours:
        return Plan((*stopping, _removal(situation)))
    return Plan(stopping, notes=tuple(_why_vfs_stay(situation)))


def _stop_steps(situation: Situation) -> Iterator[Step]:
    if situation.active:
        yield Step(StepKind.STOP_NETWORK, f"stop the network {_name(situation)}")


def _why_vfs_stay(situation: Situation) -> Iterator[str]:
    if situation.present and situation.sharers:
        yield f"keep the VFs: network {', '.join(situation.sharers)} uses the same PF"
    elif situation.present:
        yield "keep the VFs: Portside did not create them"


def _link_steps(situation: Situation) -> Iterator[Step]:
    if situation.view.up is False:
        name = situation.record.definition.pf_name
        yield Step(StepKind.LINK_UP, f"bring {name} up: VFs do not work while their PF is down")


def _growth_steps(situation: Situation, wanted: int) -> Iterator[Step]:
    if situation.active:
        # libvirt lists a network's VFs when it starts it.
        text = f"stop the network {_name(situation)}, which does not see new VFs while it runs"
        yield Step(StepKind.STOP_NETWORK, text)
    if situation.present:
        yield _removal(situation)
    pf = situation.view.pf.address
    yield Step(StepKind.MAKE_VFS, f"create {wanted} VFs on {pf} and count them", wanted)
    yield _REPLAY


def _removal(situation: Situation) -> Step:
    text = f"remove the {situation.present} VFs of {situation.view.pf.address}, each proven free"
    return Step(StepKind.REMOVE_VFS, text, situation.present)


def _notes(situation: Situation, *, grows: bool) -> Iterator[str]:
    operation = situation.view.record.operation
    if operation:
        yield f"an earlier run did not finish: {operation}"
    if not grows and situation.record.definition.minimum is not None:
        yield (
            f"{situation.present} VFs are present, {situation.record.definition.minimum} wanted: "
            "keep all of them"
        )


def _name(situation: Situation) -> str:
    return situation.record.definition.name
