# SPDX-License-Identifier: Apache-2.0
"""What the agent counts as it goes: calls, refusals, passes. No name of a VM is in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from sidecar.errors import PortsideError

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""From a lease on disk (5 ms) to a write of ``sriov_numvfs`` that does not come back (30 s)."""
_BUG = "InternalError"


class Tally:
    """Counters and histograms, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._refusals = Counter(
            "portside_refusals",
            "Operations refused or failed, by error class; the class says who must act.",
            ("operation", "class"),
            registry=registry,
        )
        self._seconds = Histogram(
            "portside_operation_seconds",
            "Duration of operations, including those that failed.",
            ("operation",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "portside_reconcile_failures",
            "Number of failed attempts to give a pool its minimum of VFs.",
            ("pool",),
            registry=registry,
        )
        self._kept = Gauge(
            "portside_reconcile_success_timestamp_seconds",
            "Time when a pool last had its minimum of VFs.",
            ("pool",),
            registry=registry,
        )

    @contextmanager
    def operation(self, name: str) -> Iterator[None]:
        """Measure the block, and count it as refused if it raises."""
        started = time.perf_counter()
        try:
            yield
        except Exception as error:
            self.refused(name, error)
            raise
        finally:
            self._seconds.labels(name).observe(time.perf_counter() - started)

    def refused(self, operation: str, error: Exception) -> None:
        """Count a refusal, by the error's class."""
        self._refusals.labels(operation, _class_of(error)).inc()

    def pool_kept(self, pool: str) -> None:
        """Note that a pool has what it wants."""
        self._kept.labels(pool).set_to_current_time()

    def pool_failed(self, pool: str) -> None:
        """Count a pool that could not be seen to."""
        self._failures.labels(pool).inc()


def _class_of(error: Exception) -> str:
    """Name the class whose name stands in ``sidecar.errors``, which are few."""
    for kind in type(error).__mro__:
        if kind.__module__ == PortsideError.__module__:
            return kind.__name__
    return _BUG
