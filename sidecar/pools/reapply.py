# SPDX-License-Identifier: Apache-2.0
"""What the kernel forgets with a VF: kept before it is removed, set again after it is made."""

from collections.abc import Collection
from dataclasses import replace

from sidecar.host.binding import bind
from sidecar.host.functions import read_pf
from sidecar.host.usage import is_vfio
from sidecar.model.pool import KeptVf, PfView
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, VirtualFunction
from sidecar.pools.context import Node
from sidecar.state.store import HeldPf


def keep_settings(node: Node, held: HeldPf, view: PfView, pf_name: str) -> None:
    """Record what the PF's VFs have now.

    Raises:
        HostError: a VF's settings cannot be read, or the record cannot be written.
    """
    vfs = () if view.pf.vfs is UNKNOWN else view.pf.vfs
    kept = {vf.index: _keep(node, vf, pf_name) for vf in vfs}
    held.write_record(replace(held.record(), kept=kept))


def _keep(node: Node, vf: VirtualFunction, pf_name: str) -> KeptVf:
    driver = vf.driver if vf.driver is not None and vf.driver is not UNKNOWN else ""
    return KeptVf(node.links.read_settings(pf_name, vf.index), driver if is_vfio(driver) else "")


def replay_settings(
    node: Node, held: HeldPf, pf_name: str, taken: Collection[int] = frozenset()
) -> None:
    """Set again what was kept, and what is leased; what was set is then forgotten.

    Args:
        node: the host.
        held: the PF's state, locked.
        pf_name: the PF's interface.
        taken: VFs that somebody may have by now, and that are left alone: those that were
            just made, nobody can have.

    Raises:
        HostError: something cannot be set; what was kept stays on record.
    """
    record = held.record()
    leased = {index: lease.settings for index, lease in held.leases().items() if not lease.free}
    pf = read_pf(node.sysfs, str(record.pf))
    for vf in () if pf is None or pf.vfs is UNKNOWN else pf.vfs:
        if vf.index not in taken:
            kept = record.kept.get(vf.index, KeptVf(VfSettings()))
            _replay(node, pf_name, vf, (kept.settings, leased.get(vf.index, VfSettings())))
            if kept.driver:
                bind(node.sysfs, vf.address, kept.driver)
    left = {index: kept for index, kept in record.kept.items() if index in taken}
    held.write_record(replace(record, kept=left))


def _replay(node: Node, pf_name: str, vf: VirtualFunction, wanted: tuple[VfSettings, ...]) -> None:
    for settings in wanted:
        # What a new VF has anyway is not set: some drivers refuse even that.
        missing = settings.beyond(node.links.read_settings(pf_name, vf.index))
        if not missing.asks_nothing:
            where = f"VF {vf.index} ({vf.address})"
            node.links.apply_settings(pf_name, vf.index, missing, where=where)
