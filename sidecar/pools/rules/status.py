# SPDX-License-Identifier: Apache-2.0
"""A pool's state for people: what it wants, what there is, who has it."""

from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.model.lease import Lease
from sidecar.model.pool import PfView, PoolRecord
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, Usage, Verdict, VirtualFunction


@dataclass(frozen=True, slots=True)
class VfStatus:
    """One VF of a pool; ``settings`` is ``None`` if the PF does not tell them."""

    vf: VirtualFunction
    usage: Usage
    lease: Lease | None
    settings: VfSettings | None


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """A pool as it is now.

    Args:
        record: what is kept of it.
        view: its PF.
        active: whether its network runs.
        vfs: of its PF, in their order; empty also if they cannot be listed.
    """

    record: PoolRecord
    view: PfView
    active: bool
    vfs: tuple[VfStatus, ...]

    @property
    def present(self) -> int | None:
        """VFs that there are; ``None`` if they cannot be listed."""
        return None if self.view.pf.vfs is UNKNOWN else len(self.vfs)

    @property
    def free(self) -> int:
        """VFs that the next guest can have."""
        return sum(one.usage.free for one in self.vfs)

    @property
    def held(self) -> int:
        """VFs that somebody has; what is unknown is neither held nor free."""
        return sum(one.usage.verdict is Verdict.IN_USE for one in self.vfs)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What will keep the next guest from a VF."""
        wanted = self.record.definition.minimum
        found = []
        if self.view.quarantine:
            found.append(f"in quarantine: {self.view.quarantine}")
        if self.view.record.operation:
            found.append(f"an earlier run did not finish: {self.view.record.operation}")
        if self.present is None:
            found.append("its VFs cannot be listed")
        elif wanted is not None and self.present < wanted:
            found.append(f"{self.present} VFs of {wanted}: portside pool start makes them")
        if self.active and self.present and not self.free:
            found.append("exhausted: no VF is free, the next guest fails to start")
        if self.view.up is False:
            found.append(f"PF {self.record.definition.pf_name} is down")
        found += [
            f"VF {one.vf.index} ({one.vf.address}) is to be inspected: {one.lease.reason}"
            for one in self.vfs
            if one.lease is not None and one.lease.reason
        ]
        return tuple(found)


def describe_pool(
    record: PoolRecord,
    view: PfView,
    settings: Mapping[int, VfSettings],
    *,
    active: bool,
) -> PoolStatus:
    """Put a pool's state together.

    Args:
        record: what is kept of the pool.
        view: its PF, with all signals.
        settings: of the VFs, by number, as far as the PF tells them.
        active: whether its network runs.
    """
    vfs = () if view.pf.vfs is UNKNOWN else view.pf.vfs
    return PoolStatus(
        record,
        view,
        active,
        tuple(
            VfStatus(vf, view.usage(vf), view.leases.get(vf.index), settings.get(vf.index))
            for vf in vfs
        ),
    )
