# SPDX-License-Identifier: Apache-2.0
"""What a pool's plan is made from."""

from dataclasses import dataclass

from sidecar.model.pool import PfView, PoolRecord
from sidecar.model.vf import UNKNOWN


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
        hints: what is known of that driver, in sentences.
    """

    record: PoolRecord
    view: PfView
    active: bool
    sharers: tuple[str, ...] = ()
    limit: int | None = None
    configures: bool = True
    hints: tuple[str, ...] = ()

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
