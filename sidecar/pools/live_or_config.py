# SPDX-License-Identifier: Apache-2.0
"""``--live`` and ``--config`` as virsh has them."""

from dataclasses import dataclass

from sidecar.errors import RequestError
from sidecar.virt.devices import Domain


@dataclass(frozen=True, slots=True)
class Scope:
    """Which of a domain's states a command is about: as it runs, as it is configured, or both."""

    live: bool = False
    config: bool = False


def resolve(scope: Scope, domain: Domain) -> Scope:
    """Return what is meant: where neither is given, what the domain is now.

    Raises:
        RequestError: the domain does not run, or has no configuration.
    """
    active = domain.active
    if scope == Scope():
        return Scope(live=active, config=not active)
    if scope.live and not active:
        raise RequestError(
            "the domain is not running", where=f"domain {domain.name}", found="--live"
        )
    if scope.config and not domain.persistent:
        raise RequestError(
            "a transient domain has no configuration",
            where=f"domain {domain.name}",
            found="--config",
        )
    return scope
