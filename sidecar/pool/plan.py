# SPDX-License-Identifier: Apache-2.0
"""What starting or stopping a pool would do, step by step, and what stands against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sidecar.model.pool import PfView, PoolRecord
from sidecar.model.vf import UNKNOWN
from sidecar.pool.guard import Obstacle, find_holders


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


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in their order, taken only if there is no obstacle; ``notes`` are worth knowing."""

    steps: tuple[Step, ...]
    obstacles: tuple[Obstacle, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """A pool, its PF and its network as they are now.

    Args:
        record: what is kept of the pool.
        view: the PF, observed.
        active: whether the network runs.
        sharers: other networks that run on the same PF.
        limit: how many VFs the PF's driver makes at most, if that is known.
        configures: whether the PF's driver makes VFs through sysfs at all.
    """

    record: PoolRecord
    view: PfView
    active: bool
    sharers: tuple[str, ...] = ()
    limit: int | None = None
    configures: bool = True

    @property
    def present(self) -> int:
        """VFs that are there; only where they can be listed."""
        vfs = self.view.pf.vfs
        return 0 if vfs is UNKNOWN else len(vfs)

    @property
    def made_by_us(self) -> bool:
        """Whether the VFs that are there are ours: made by us, since this boot, and no other."""
        record = self.view.record
        return 0 < record.made == self.present and record.boot == self.view.boot


def plan_start(situation: Situation) -> Plan:
    """Plan a pool's start: at least its minimum of VFs, and its network running.

    The minimum is one: a larger number stays, and nothing is written. VFs that are there
    are only ever removed to make more of them, and only if each is proven free.
    """
    obstacles = (*_find_faults(situation), *_find_limits(situation))
    if obstacles:
        return Plan((), obstacles)
    wanted, present = situation.record.definition.minimum, situation.present
    grows = wanted is not None and present < wanted
    steps = list(_link_steps(situation))
    if grows and present:
        obstacles = (*find_holders(situation.view), *_find_sharers(situation))
    if grows and wanted is not None:
        steps += _growth_steps(situation, wanted)
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
        return Plan(stopping, notes=tuple(f"{one}; it keeps it" for one in holders))
    ours = situation.made_by_us and not situation.sharers
    quarantined = bool(situation.view.quarantine) and ours
    obstacles = (*holders, *([_quarantined(situation)] if quarantined else []))
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
        yield f"the VFs stay: network {', '.join(situation.sharers)} uses the same PF"
    elif situation.present:
        yield "the VFs stay: Portside did not make them"


def _find_faults(situation: Situation) -> Iterator[Obstacle]:
    """Find what makes any start impossible."""
    view, definition = situation.view, situation.record.definition
    pf = view.pf
    if view.quarantine:
        yield _quarantined(situation)
    if pf.vfs is UNKNOWN:
        yield Obstacle(f"the VFs of {pf.address} cannot be listed")
    names = () if pf.interfaces is UNKNOWN else tuple(one.name for one in pf.interfaces)
    if definition.pf_name not in names:
        found = ", ".join(names) or "no interface in this network namespace"
        yield Obstacle(
            f"{pf.address}, which was {definition.pf_name} when the pool was defined, has "
            f"{found} now: define the pool anew"
        )
    if pf.driver is None or pf.driver is UNKNOWN:
        yield Obstacle(f"PF {pf.address} has no driver: bind one, it makes the VFs")
    if pf.iommu_group is None:
        yield Obstacle(
            f"PF {pf.address} has no IOMMU group: no VF of it can go to a guest. Switch the IOMMU "
            "on, in the firmware and with intel_iommu=on on the kernel's command line"
        )


def _find_limits(situation: Situation) -> Iterator[Obstacle]:
    """Find what stands against the number that the pool wants."""
    wanted, pf = situation.record.definition.minimum, situation.view.pf
    if wanted is None:
        if not situation.present:
            yield Obstacle(
                f"PF {pf.address} has no VF, and the pool does not say how many it wants: "
                "define it with <vf num='...'/>"
            )
        return
    if situation.present >= wanted:
        return
    if pf.totalvfs is UNKNOWN:
        yield Obstacle(f"how many VFs {pf.address} can have cannot be read (sriov_totalvfs)")
    elif wanted > pf.totalvfs:
        yield Obstacle(
            f"the pool wants {wanted} VFs, and {pf.address} can have {pf.totalvfs} (sriov_totalvfs)"
        )
    elif not situation.configures:
        yield Obstacle(
            f"the driver {pf.driver} cannot make VFs through sysfs; portside vf show "
            f"{pf.address} says how it does"
        )
    elif situation.limit is not None and wanted > situation.limit:
        yield Obstacle(
            f"the pool wants {wanted} VFs, and the driver {pf.driver} makes at most "
            f"{situation.limit}"
        )


def _find_sharers(situation: Situation) -> Iterator[Obstacle]:
    for name in situation.sharers:
        yield Obstacle(
            f"network {name} runs on the same PF and would lose its VFs: stop it first",
            f"network {name}",
        )


def _link_steps(situation: Situation) -> Iterator[Step]:
    if situation.view.up is False:
        name = situation.record.definition.pf_name
        yield Step(StepKind.LINK_UP, f"bring {name} up: VFs of a PF that is down do not work")


def _growth_steps(situation: Situation, wanted: int) -> Iterator[Step]:
    if situation.active:
        # libvirt lists a network's VFs when it starts it.
        text = f"stop the network {_name(situation)}, which does not see new VFs while it runs"
        yield Step(StepKind.STOP_NETWORK, text)
    if situation.present:
        yield _removal(situation)
    pf = situation.view.pf.address
    yield Step(StepKind.MAKE_VFS, f"make {wanted} VFs on {pf} and count them", wanted)
    yield Step(StepKind.REPLAY_SETTINGS, "set again what was set for the VFs through the PF")


def _removal(situation: Situation) -> Step:
    text = f"remove the {situation.present} VFs of {situation.view.pf.address}, each proven free"
    return Step(StepKind.REMOVE_VFS, text, situation.present)


def _notes(situation: Situation, *, grows: bool) -> Iterator[str]:
    operation = situation.view.record.operation
    if operation:
        yield f"an earlier run did not finish: {operation}"
    if not grows and situation.record.definition.minimum is not None:
        yield (
            f"{situation.present} VFs are there, {situation.record.definition.minimum} wanted: "
            "their number stays as it is"
        )


def _quarantined(situation: Situation) -> Obstacle:
    view = situation.view
    return Obstacle(f"PF {view.pf.address} is in quarantine: {view.quarantine}")


def _name(situation: Situation) -> str:
    return situation.record.definition.name
