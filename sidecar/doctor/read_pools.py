# SPDX-License-Identifier: Apache-2.0
"""The pools that the doctor looks at."""

from collections.abc import Iterator, Sequence

from sidecar.doctor.read_libvirt import Answers
from sidecar.doctor.rules.facts import PoolFacts, Want
from sidecar.domainxml.domain_needs import count_networks
from sidecar.errors import HostError
from sidecar.model.missing import no_pool
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory
from sidecar.state.store import Store
from sidecar.virt.domains import Domain


def read_pools(
    store: Store, inventory: Inventory, answers: Answers, wanted: str
) -> Iterator[PoolFacts]:
    """Return the pools that the call is about: ours, and what others defined.

    Args:
        store: our own state.
        inventory: the host's PFs.
        answers: libvirt's.
        wanted: the only one to look at, empty for all.

    Raises:
        HostError: the call names one that there is not.
    """
    try:
        records = {one.definition.name: one for one in store.pools()}
    except HostError:
        records = {}  # said by the observation of the PFs
    networks = {network.name: network for network in answers.networks}
    definitions = {one.name: one for one in answers.pools}
    definitions |= {name: record.definition for name, record in records.items()}
    if wanted:
        definitions = {name: one for name, one in definitions.items() if name == wanted}
        if not definitions and not answers.error:
            raise no_pool(wanted, networks or ["no network"])
    for name, definition in sorted(definitions.items()):
        network, record = networks.get(name), records.get(name)
        active = None if network is None else network.active
        kept = record is not None and record.autostart
        yield PoolFacts(
            definition,
            _pf_of(inventory, definition.pf_name),
            UNKNOWN if answers.error else active,
            autostart=kept or (network is not None and network.autostart),
            wants=tuple(_count_wants(answers.domains, name)),
        )


def _pf_of(inventory: Inventory, interface: str) -> PciAddress | None:
    for pf in inventory.pfs:
        if pf.interfaces is not UNKNOWN and any(one.name == interface for one in pf.interfaces):
            return pf.address
    return None


def _count_wants(domains: Sequence[Domain], network: str) -> Iterator[Want]:
    for domain in domains:
        count = 0 if domain.active else count_networks(domain.xml).get(network, 0)
        if count:
            yield Want(domain.name, count)
