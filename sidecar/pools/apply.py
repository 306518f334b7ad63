# SPDX-License-Identifier: Apache-2.0
"""Takes the steps of a plan, one at a time, and says what remains when one fails.

Before VFs are made or removed, the intent is on disk; afterwards, what came of it. Nothing
here goes back to 0 VFs: what is undone is a removal that led to nothing, by making as many
again.
"""

from dataclasses import replace

from sidecar.errors import HostError, PortsideError
from sidecar.host.numvfs import VfsLate, WriteHung
from sidecar.model.vf import UNKNOWN
from sidecar.pools.context import Node
from sidecar.pools.observe import look_at
from sidecar.pools.reapply import replay_settings
from sidecar.pools.rules.guard import RefusedError, assess_for_removal
from sidecar.pools.rules.plan import Step, StepKind
from sidecar.pools.rules.situation import Situation
from sidecar.pools.rules.stale import assess_for_return
from sidecar.pools.rules.start_obstacles import name_some
from sidecar.pools.vf_number import VfNumber
from sidecar.state.store import HeldPf
from sidecar.virt.connection import Libvirt
from sidecar.virt.networks import Networks


class Worker:
    """Takes the steps for one pool, whose PF is locked.

    Args:
        node: the host.
        libvirt: open.
        held: the PF's state, locked.
        situation: what the plan was made from.
    """

    def __init__(self, node: Node, libvirt: Libvirt, held: HeldPf, situation: Situation) -> None:
        self._node = node
        self._libvirt = libvirt
        self._networks = Networks(libvirt)
        self._held = held
        self._before = situation
        self._definition = situation.record.definition
        pf = situation.view.pf.address
        self._number = VfNumber(node, libvirt, held, pf, self._definition.pf_name)

    def run(self, steps: tuple[Step, ...]) -> None:
        """Take the steps in their order.

        Raises:
            PortsideError: a step failed; the host is as it was, or the error says what remains.
        """
        done: list[StepKind] = []
        for step in steps:
            try:
                self._take(step, done)
            except PortsideError as error:
                remains = self._clean_up(error, step.kind, done)
                raise _failure(error, step, remains) from error
            done.append(step.kind)
        record = self._held.record()
        if record.operation:
            # A killed run's: what it left has been looked at, and put right.
            self._held.write_record(replace(record, operation=""))

    def _take(self, step: Step, done: list[StepKind]) -> None:
        name = self._definition.name
        match step.kind:
            case StepKind.LINK_UP:
                self._node.links.set_up(self._definition.pf_name)
            case StepKind.STOP_NETWORK:
                self._networks.destroy(name)
            case StepKind.REMOVE_VFS:
                self._number.remove()
            case StepKind.MAKE_VFS:
                self._number.make(step.count)
            case StepKind.REPLAY_SETTINGS:
                self._replay(made=StepKind.MAKE_VFS in done)
            case StepKind.CHECK_GROUPS:
                self._check_groups()
            case StepKind.START_NETWORK:
                self._networks.start(name)

    def _clean_up(self, error: PortsideError, failed: StepKind, done: list[StepKind]) -> list[str]:
        """Undo what can be undone without removing a VF; say what remains."""
        remains = [f"{self._definition.pf_name} is up"] if StepKind.LINK_UP in done else []
        if isinstance(error, WriteHung):
            return [*remains, *self._stopped(done), "the PF is in quarantine"]
        if isinstance(error, VfsLate):
            return [*remains, *self._stopped(done), self._number.describe()]
        if StepKind.REMOVE_VFS in done and failed is StepKind.MAKE_VFS:
            remains += self._make_again()
        elif StepKind.MAKE_VFS in done or self._number.count() != self._before.present:
            remains.append(self._number.describe())
        if StepKind.STOP_NETWORK in done and failed in {StepKind.REMOVE_VFS, StepKind.MAKE_VFS}:
            remains += self._start_again()
        elif failed is not StepKind.START_NETWORK:
            remains += self._stopped(done)
        return remains

    def _make_again(self) -> list[str]:
        try:
            self._number.make(self._before.present)
            self._replay(made=True)
        except PortsideError as error:
            return [f"{self._number.describe()}, and creating them again also failed: {error}"]
        return []

    def _start_again(self) -> list[str]:
        name = self._definition.name
        try:
            self._networks.start(name)
        except PortsideError as error:
            return [f"network {name} is stopped and could not be started again: {error}"]
        return []

    def _stopped(self, done: list[StepKind]) -> list[str]:
        stopped = StepKind.STOP_NETWORK in done
        return [f"the network {self._definition.name} is stopped"] if stopped else []

    def _replay(self, *, made: bool) -> None:
        """Set again what was kept; on VFs that were not made just now, only if they are free."""
        view = self._before.view
        vfs = () if made else view.vfs
        seen = {vf.index: assess_for_return(view.assess(vf)) for vf in vfs}
        taken = {index for index, one in seen.items() if not assess_for_removal(one).free}
        replay_settings(self._node, self._held, self._definition.pf_name, taken)

    def _check_groups(self) -> None:
        view = look_at(self._node, self._before.view.pf.address, self._libvirt)
        for vf in view.vfs:
            if vf.iommu_group is None or vf.iommu_group is UNKNOWN:
                raise HostError(
                    "this VF has no IOMMU group, so it cannot be assigned to a guest",
                    where=f"VF {vf.index} ({vf.address})",
                    found=f"iommu_group {vf.iommu_group or 'none'}",
                    todo="portside doctor shows why",
                )
            others = view.shared_groups.get(vf.address)
            if others:
                raise HostError(
                    "this VF's IOMMU group is not viable: a guest can only get a group as a whole",
                    where=f"VF {vf.index} ({vf.address}), IOMMU group {vf.iommu_group}",
                    found=f"also in the group: {name_some(others)}",
                    expected="an IOMMU group of its own",
                    todo="The slot's root port lacks ACS: use another slot, or a platform with ACS",
                )


def _failure(error: PortsideError, step: Step, remains: list[str]) -> PortsideError:
    """Return the step's own error, with what remains of the steps before."""
    if isinstance(error, RefusedError) and not remains:
        return error
    left = f"Left over: {'; '.join(remains)}" if remains else "Nothing has changed on the host"
    return HostError(
        f"{step.kind}: {error.what}",
        where=error.where,
        found=error.found,
        expected=error.expected,
        todo=". ".join(part for part in (error.todo.rstrip("."), left) if part),
    )
