# SPDX-License-Identifier: Apache-2.0
"""Leases whose domain lost its VF by other ways: it was shut down, or somebody used virsh."""

from collections.abc import Collection

from sidecar.model.lease import HolderKind, Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.rules.guard import is_proven_free, without_lease
from sidecar.pools.rules.restore import settings_to_undo
from sidecar.state.locked_pf import HeldPf


def return_stale(
    node: Node, held: HeldPf, view: PfView, configured: Collection[PciAddress], pf_name: str
) -> int:
    """Return the leases of domains that have their VF no more, and will not have it again.

    Only what a domain holds, and only if all other signals prove that the VF is free: the lock
    sees to it that no attach is under way.

    Args:
        node: the host.
        held: the PF's state, locked.
        view: the PF, read under that lock.
        configured: VFs that a domain's configuration names.
        pf_name: the PF's interface.

    Returns:
        how many were returned.
    """
    vfs = () if view.pf.vfs is UNKNOWN else view.pf.vfs
    stale = [
        (vf, lease)
        for vf in vfs
        if (lease := view.leases.get(vf.index)) is not None
        and lease.state is LeaseState.LEASED
        and lease.holder is not None
        and lease.holder.kind is HolderKind.DOMAIN
        and vf.address not in configured
        and is_proven_free(without_lease(view.usage(vf)))
    ]
    for vf, lease in stale:
        end_lease(node, held, vf, lease, pf_name)
    return len(stale)


def end_lease(node: Node, held: HeldPf, vf: VirtualFunction, lease: Lease, pf_name: str) -> None:
    """Return a lease, and take back what was set for it: a MAC address must not stand twice.

    Raises:
        RequestError: the VF has been leased anew since.
        HostError: a setting does not come back, or the state cannot be written; the lease is
            then to be inspected.
    """
    held.begin_return(lease, lease.generation, node.now())
    back = settings_to_undo(lease.settings, VfSettings(), vf.address)
    if not back.asks_nothing:
        node.links.apply_settings(pf_name, vf.index, back, where=f"VF {vf.index} ({vf.address})")
    held.finish_return(lease, node.now())
