# SPDX-License-Identifier: Apache-2.0
"""What the agent reads of its host; nothing here changes anything, or can be blocked by a PF."""

from sidecar.agent.metrics import Snapshot
from sidecar.errors import HostError
from sidecar.pools.context import Node
from sidecar.pools.observe import observe_host
from sidecar.pools.rules.availability import Guests


def look(node: Node, guests: Guests) -> Snapshot:
    """Return what there is, for the figures.

    Args:
        node: the host.
        guests: as its libvirt just said.

    Raises:
        HostError: sysfs or our records cannot be read.
    """
    seen = observe_host(node, guests)
    if seen.error:
        raise HostError("the records cannot be read", where="Portside's state", found=seen.error)
    return Snapshot(tuple(seen.views.values()), node.store.pools(), guests)


def what_is_wrong(node: Node) -> str:
    """Return why a VM could not be prepared now; empty if nothing is wrong.

    Raises:
        HostError: sysfs or our records cannot be read, which is wrong enough.
    """
    node.sysfs.functions()
    node.store.pools()
    node.store.all_leases()
    return ""
