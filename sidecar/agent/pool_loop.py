# SPDX-License-Identifier: Apache-2.0
"""Autostart pools, for the loop: which there are, how one is started, what is said of it."""

from sidecar.agent.counters import Tally
from sidecar.errors import PortsideError
from sidecar.pools.context import Node
from sidecar.pools.operations import Pools
from sidecar.process.bug import format_traceback
from sidecar.process.grpc_status import status_details
from sidecar.process.log import JsonLog


class PoolKeeper:
    """What ``Reconciler`` works with."""

    def __init__(self, node: Node, tally: Tally, log: JsonLog) -> None:
        self._store = node.store
        self._pools = Pools(node)
        self._tally = tally
        self._log = log
        self._troubled: set[str] = set()

    def names(self) -> list[str]:
        """Return the pools to keep, as they are on disk now.

        Raises:
            HostError: a record cannot be read.
        """
        return [one.definition.name for one in self._store.pools() if one.autostart]

    def ensure(self, pool: str) -> None:
        """Start a pool; one that has all it wants is left as it is.

        Raises:
            PortsideError: see ``Pools.start``.
        """
        with self._tally.operation("pool start"):
            plan = self._pools.start(pool)
        if plan.steps:
            self._log.event("pool started", pool=pool, steps=[step.text for step in plan.steps])

    def kept(self, pool: str, seconds: float) -> None:
        """Note a pool that has what it wants; say so once after trouble."""
        self._tally.pool_kept(pool)
        again = pool in self._troubled
        self._troubled.discard(pool)
        level = "info" if again else "debug"
        self._log.event(
            "pool reconciled", level=level, pool=pool, milliseconds=round(seconds * 1000, 3)
        )

    def failed(self, pool: str, error: Exception, retry: float) -> None:
        """Say why a pool could not be started."""
        self._tally.pool_failed(pool)
        self._troubled.add(pool)
        level = "warning" if isinstance(error, PortsideError) else "error"
        self._log.event(
            "pool reconcile failed",
            level=level,
            pool=pool,
            error=status_details(error),
            retry_seconds=retry,
            traceback=None if isinstance(error, PortsideError) else format_traceback(error),
        )

    def unreadable(self, error: Exception) -> None:
        """Say that nobody knows which pools there are."""
        self._tally.refused("pool list", error)
        self._log.event("pools unreadable", level="error", error=status_details(error))
