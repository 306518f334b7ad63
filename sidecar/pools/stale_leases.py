# SPDX-License-Identifier: Apache-2.0
"""Leases whose domain lost its VF by other ways: it was shut down, or somebody used virsh."""

from sidecar.model.lease import Lease
from sidecar.model.pool import PfView
from sidecar.model.settings import VfSettings
from sidecar.model.vf import VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.rules.restore import settings_to_undo
from sidecar.pools.rules.stale import find_stale
from sidecar.state.locked_pf import HeldPf


def return_stale(node: Node, held: HeldPf, view: PfView, pf_name: str) -> int:
    """Return the leases of domains that have their VF no more, and will not have it again.

    Args:
        node: the host.
        held: the PF's state, locked.
        view: the PF, read under that lock.
        pf_name: the PF's interface.

    Returns:
        how many were returned.
    """
    stale = find_stale(view)
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
