# SPDX-License-Identifier: Apache-2.0
"""What the agent reads of its host; nothing here changes anything, or can be blocked by a PF."""

from sidecar.agent.metrics import Snapshot
from sidecar.errors import HostError
from sidecar.host.inventory import read_inventory
from sidecar.pools.context import Node
from sidecar.pools.observe import Guests, observe_guests


def look(node: Node) -> Snapshot:
    """Return what there is, for the figures.

    Raises:
        HostError: sysfs or our records cannot be read.
    """
    inventory = read_inventory(node.sysfs, node.proc)
    pfs = [pf.address for pf in inventory.pfs]
    return Snapshot(
        inventory,
        leases={pf: node.store.leases(pf) for pf in pfs},
        records={pf: node.store.record(pf) for pf in pfs},
        pools=node.store.pools(),
    )


def guests_of(node: Node) -> Guests:
    """Ask the host's libvirt who has which VF; if it does not answer, nobody knows."""
    try:
        with node.libvirt() as libvirt:
            return observe_guests(libvirt)
    except HostError as error:
        return Guests(unknown=str(error))


def what_is_wrong(node: Node) -> str:
    """Return why a VM could not be prepared now; empty if nothing is wrong.

    Raises:
        HostError: sysfs or our records cannot be read, which is wrong enough.
    """
    node.sysfs.functions()
    node.store.pools()
    node.store.all_leases()
    return ""
