# SPDX-License-Identifier: Apache-2.0
"""One OnDefineDomain call, bytes to bytes."""

from dataclasses import dataclass, field

from sidecar.domainxml.mutate import Mutation, mutate
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.model.request import Request
from sidecar.vmi.request import parse_request


@dataclass(frozen=True, slots=True)
class Settings:
    """What the administrator chose for every VM of this hook.

    Args:
        source: who creates the controllers.
        pool_networks: the launcher's libvirt has a network driver, so a pool entry
            without an allocated VF may stay ``<interface type='network'>``. KubeVirt's
            own launcher image has none.
    """

    source: ControllerSource = field(default_factory=Planner)
    pool_networks: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one call, and what to log of it."""

    request: Request
    mutation: Mutation


def define_domain(vmi: bytes, domain: bytes, settings: Settings) -> Outcome:
    """Rewrite ``domain`` (XML) as ``vmi`` (JSON) asks.

    A VMI that asks for nothing gets the very same bytes back.

    Raises:
        RequestError: the VMI or the domain asks for something impossible.
        CapacityError: the ports or VFs do not suffice.
        HostError: the source of controllers failed.
    """
    request = parse_request(vmi)
    return Outcome(
        request, mutate(domain, request, settings.source, pool_networks=settings.pool_networks)
    )
