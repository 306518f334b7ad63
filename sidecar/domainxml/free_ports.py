# SPDX-License-Identifier: Apache-2.0
"""Free ports for a domain that no VMI stands for."""

from sidecar.domainxml.mutate import Mutation, mutate
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.model.request import DeviceTotal, Request


def add_free_ports(domain: bytes, free: int, source: ControllerSource, where: str) -> Mutation:
    """Add root ports until so many are free; no device moves.

    Args:
        domain: domain XML, UTF-8.
        free: ports to be free and pluggable at the next start.
        source: who makes the controllers.
        where: what asked, for errors.

    Raises:
        RequestError: the domain cannot have free ports.
        CapacityError: not enough room for ports.
        InternalError: a promise would be broken.
    """
    wanted = DeviceTotal(total=free, defined=0, where=where)
    return mutate(domain, Request(interfaces=wanted), source)
