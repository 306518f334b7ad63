# SPDX-License-Identifier: Apache-2.0
"""What libvirt tells the doctor, asked all at once; that it does not answer is an answer."""

from dataclasses import dataclass, field

from sidecar.domainxml.network import read_network
from sidecar.errors import HostError, RequestError
from sidecar.model.pool import PoolDefinition
from sidecar.pools.context import Node
from sidecar.pools.observe import Guests, observe_guests
from sidecar.virt.domains import Domain, read_domains
from sidecar.virt.networks import Network, Networks


@dataclass(frozen=True, slots=True)
class Answers:
    """What libvirt said; with ``error`` nothing of it.

    Args:
        version: of libvirt.
        error: its own words on why it does not answer, empty if it does.
        attempt: what was tried then.
        guests: which running domains have which devices.
        domains: all of them.
        networks: all of them.
        pools: those of the networks that are pools.
    """

    version: str = ""
    error: str = ""
    attempt: str = ""
    guests: Guests = field(default_factory=Guests)
    domains: tuple[Domain, ...] = ()
    networks: tuple[Network, ...] = ()
    pools: tuple[PoolDefinition, ...] = ()


def ask_libvirt(node: Node) -> Answers:
    """Ask libvirt all that the doctor wants to know of it."""
    try:
        with node.libvirt() as libvirt:
            networks = Networks(libvirt)
            listed = networks.list()
            return Answers(
                version=libvirt.version,
                guests=observe_guests(libvirt),
                domains=read_domains(libvirt),
                networks=listed,
                pools=tuple(
                    pool
                    for network in listed
                    if (pool := _as_pool(networks.xml(network.name, inactive=True)))
                ),
            )
    except HostError as error:
        words = error.found or error.what
        return Answers(error=words, attempt=error.what, guests=Guests(unknown=str(error)))


def _as_pool(xml: bytes) -> PoolDefinition | None:
    try:
        return read_network(xml)[0]
    except RequestError:
        return None  # a network of another kind
