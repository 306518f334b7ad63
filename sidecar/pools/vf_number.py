# SPDX-License-Identifier: Apache-2.0
"""Changes how many VFs a PF has: the only caller of what writes ``sriov_numvfs``."""

from dataclasses import replace
from typing import Final

from sidecar.errors import HostError
from sidecar.host.numvfs import Patience, VfsLate, WriteHung, count_vfs, write_and_count
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord
from sidecar.pools.context import Node
from sidecar.pools.observe import look_at
from sidecar.pools.reapply import keep_settings
from sidecar.pools.rules.guard import find_holders, refuse
from sidecar.state.store import HeldPf
from sidecar.virt.connection import Libvirt


class VfNumber:
    """The number of VFs of one PF, whose state is locked.

    Args:
        node: the host.
        libvirt: open; asked again who has what before anything is removed.
        held: the PF's state, locked.
        pf: its address.
        pf_name: its network interface.
    """

    def __init__(
        self, node: Node, libvirt: Libvirt, held: HeldPf, pf: PciAddress, pf_name: str
    ) -> None:
        self._node = node
        self._libvirt = libvirt
        self._held = held
        self._pf: Final[PciAddress] = pf
        self._pf_name = pf_name
        self._present = 0

    def remove(self) -> None:
        """Remove all VFs, each of which must be proven free in this very moment.

        Raises:
            RefusedError: one is not.
            WriteHung: the kernel did not come back; the PF is in quarantine now.
            HostError: the kernel refused, or some VFs are still there.
        """
        view = look_at(self._node, self._pf, self._libvirt)
        refuse(f"the VFs of {self._pf} cannot be removed", find_holders(view))
        vfs = view.vfs
        keep_settings(self._node, self._held, view, self._pf_name)
        self._present = len(vfs)
        self._write(0, f"remove {len(vfs)} VFs", tuple(vf.address for vf in vfs))

    def make(self, count: int) -> None:
        """Make VFs where there are none, and believe only those that can be counted.

        Raises:
            WriteHung: the kernel did not come back; the PF is in quarantine now.
            HostError: the kernel refused, or made another number.
        """
        self._present = 0
        self._write(count, f"create {count} VFs", ())

    def count(self) -> int:
        """Count the VFs that there are now."""
        return count_vfs(self._node.sysfs, self._pf)

    def describe(self) -> str:
        """Say how many VFs there are now."""
        return f"{self._pf} has {self.count()} VFs"

    def _write(self, count: int, operation: str, closed: tuple[PciAddress, ...]) -> None:
        before = self._held.record()
        self._held.write_record(replace(before, operation=operation))
        node, pf = self._node, self._pf
        try:
            write_and_count(
                node.sysfs,
                pf,
                count,
                must_be_closed=closed,
                patience=Patience(node.seconds, node.late_seconds),
            )
        except WriteHung as error:
            stuck = f"{operation}: {error.what}, {error.found}"
            self._held.write_record(
                replace(before, made=0, boot=node.boot, operation="", quarantine=stuck)
            )
            raise
        except VfsLate:
            # Those that come after we have gone are ours all the same.
            self._conclude(before, count)
            raise
        except HostError:
            self._conclude(before, count_vfs(node.sysfs, pf))
            raise
        self._conclude(before, count)

    def _conclude(self, before: PfRecord, present: int) -> None:
        """Record what came of it; VFs that a refused write left are whose they were."""
        changed = present != self._present
        self._present = present
        made, boot = (present, self._node.boot) if changed else (before.made, before.boot)
        self._held.write_record(replace(self._held.record(), made=made, boot=boot, operation=""))
