# SPDX-License-Identifier: Apache-2.0
"""The state of pools, read anew."""

from collections.abc import Iterator

from sidecar.errors import HostError
from sidecar.host.inventory import read_inventory
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, PhysicalFunction
from sidecar.pools.context import Node
from sidecar.pools.observe import observe, observe_guests
from sidecar.pools.rules.status import PoolStatus, describe_pool
from sidecar.virt.networks import Networks


def read_status(node: Node, name: str | None = None) -> tuple[PoolStatus, ...]:
    """Return the state of one pool, or of all that were defined through us.

    Raises:
        HostError: no such pool, or the host cannot be read. A pool whose PF is gone is an
            error if it is asked for by name, and otherwise left out.
    """
    records = [one for one in node.store.pools() if name in (None, one.definition.name)]
    if name is not None and not records:
        raise HostError(
            "there is no such pool", where=f"pool {name}", todo="portside pool list shows all"
        )
    inventory = read_inventory(node.sysfs, node.proc)
    states = []
    with node.libvirt() as libvirt:
        guests = observe_guests(libvirt)
        active = {one.name for one in Networks(libvirt).list() if one.active}
    for record in records:
        pf = inventory.find(record.pf)
        if isinstance(pf, PhysicalFunction):
            view = observe(node, pf, inventory, guests)
            settings = dict(_read_settings(node, pf, record.definition.pf_name))
            running = record.definition.name in active
            states.append(describe_pool(record, view, settings, active=running))
        elif name is not None:
            raise HostError("its PF is gone", where=f"pool {name}", found=f"no PF at {record.pf}")
    return tuple(states)


def _read_settings(
    node: Node, pf: PhysicalFunction, pf_name: str
) -> Iterator[tuple[int, VfSettings]]:
    for vf in () if pf.vfs is UNKNOWN else pf.vfs:
        try:
            yield vf.index, node.links.read_settings(pf_name, vf.index)
        except HostError:
            return  # the PF does not tell them: the state says so by leaving them out
