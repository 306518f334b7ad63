# SPDX-License-Identifier: Apache-2.0
"""A pool's state for people: what it wants, what there is, who has it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sidecar.model.availability import Assessment, Availability
from sidecar.model.lease import Lease
from sidecar.model.pool import PfView, PoolRecord
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, VirtualFunction
from sidecar.pools.rules.availability import count_vfs
from sidecar.pools.rules.start_obstacles import name_some


@dataclass(frozen=True, slots=True)
class VfStatus:
    """One VF of a pool; ``settings`` is ``None`` if the PF does not tell them."""

    vf: VirtualFunction
    assessment: Assessment
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
    def counts(self) -> Mapping[Availability, int]:
        """VFs by whether they may be taken."""
        return count_vfs(self.view)

    @property
    def free(self) -> int:
        """VFs that the next guest can have."""
        return self.counts[Availability.FREE]

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
            found.append(
                f"{self.present} of {wanted} wanted VFs present: portside pool start creates the "
                "others"
            )
        if self.active and self.present and not self.free:
            taken = ", ".join(f"{number} {one}" for one, number in self.counts.items() if number)
            found.append(f"exhausted: no VF is free ({taken}); the next guest will fail to start")
        if self.view.up is False:
            found.append(f"PF {self.record.definition.pf_name} is down")
        found += self._barred()
        found += [
            f"VF {one.vf.index} ({one.vf.address}) needs inspection: {one.lease.reason}"
            for one in self.vfs
            if one.lease is not None and one.lease.reason
        ]
        return tuple(found)

    def _barred(self) -> Iterator[str]:
        """Say which VFs cannot go to a guest though they may be free: attach refuses them."""
        bare = [one.vf for one in self.vfs if one.vf.iommu_group in {None, UNKNOWN}]
        if bare:
            yield (
                f"{len(bare)} of {len(self.vfs)} VFs have no IOMMU group and cannot be assigned "
                "to a guest: portside doctor shows why"
            )
        shared = self.view.shared_groups
        if shared:
            address, others = next(iter(shared.items()))
            yield (
                f"the IOMMU groups of {len(shared)} of {len(self.vfs)} VFs are not viable (a "
                f"guest can only get a group as a whole): that of {address} also has "
                f"{name_some(others)}"
            )


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
    return PoolStatus(
        record,
        view,
        active,
        tuple(
            VfStatus(vf, view.assess(vf), view.leases.get(vf.index), settings.get(vf.index))
            for vf in view.vfs
        ),
    )
