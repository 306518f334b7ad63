# SPDX-License-Identifier: Apache-2.0
"""The pools that there are: libvirt's networks, and what we keep of them."""

from dataclasses import dataclass

from sidecar.domainxml.network import read_network
from sidecar.errors import RequestError
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.state.store import Store
from sidecar.virt.networks import Networks


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool, defined by us or by others.

    Args:
        definition: as we keep it, or as libvirt's network says it.
        active: whether its network runs.
        record: what we keep, ``None`` if the network was not defined through us.
    """

    definition: PoolDefinition
    active: bool
    record: PoolRecord | None


def read_pools(networks: Networks, store: Store) -> tuple[Pool, ...]:
    """Return all networks that are pools, by name; one on VFs by address has no PF and is none.

    A pool whose network somebody undefined is one still.

    Raises:
        HostError: libvirt or our state cannot be read.
    """
    records = {one.definition.name: one for one in store.pools()}
    pools = {name: Pool(one.definition, active=False, record=one) for name, one in records.items()}
    for network in networks.list():
        record = records.get(network.name)
        definition = record.definition if record else _read_foreign(networks, network.name)
        if definition is not None:
            pools[network.name] = Pool(definition, network.active, record)
    return tuple(pools[name] for name in sorted(pools))


def _read_foreign(networks: Networks, name: str) -> PoolDefinition | None:
    """Read a network that others defined; ``None`` if it is no pool."""
    try:
        return read_network(networks.xml(name, inactive=True))[0]
    except RequestError:
        return None
