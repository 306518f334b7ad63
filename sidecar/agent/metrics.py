# SPDX-License-Identifier: Apache-2.0
"""Counts the VFs when somebody scrapes, as ``pool status`` does.

It reads links, our records and libvirt's answer, so that no PF can block it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sidecar.errors import PortsideError
from sidecar.model.pool import PfView, PoolRecord
from sidecar.model.vf import UNKNOWN, PhysicalFunction
from sidecar.pools.rules.availability import Guests, count_vfs

_PF: Final = ("pf", "interface")
_FRESH: Final = 10.0
"""Seconds after which a look that has not ended makes the figures older ones: libvirt hangs."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is at one time.

    Args:
        pfs: all PFs, observed.
        pools: all that were defined through us.
        guests: libvirt's answer.
    """

    pfs: tuple[PfView, ...]
    pools: tuple[PoolRecord, ...]
    guests: Guests


class Census(Collector):
    """Counts at each scrape; two at a time get one count.

    Args:
        look: reads a snapshot. It is never called twice at once: a scrape that comes while one
            is being read gets the one before, and none before the first.
    """

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        self._look = look
        self._looking = Lock()
        self._since = 0.0
        self._last: Snapshot | None = None

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not look."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of a new snapshot, or of the last one if none can be had now."""
        readable = self._renew()
        yield GaugeMetricFamily(
            "portside_inventory_readable",
            "1 if PFs and records could be read; 0 if the other metrics are from an earlier "
            "reading.",
            value=readable,
        )
        if self._last is not None:
            yield from count(self._last)

    def _renew(self) -> bool:
        if not self._looking.acquire(blocking=False):
            return self._last is not None and time.monotonic() - self._since < _FRESH
        self._since = time.monotonic()
        try:
            self._last = self._look()
        except PortsideError:
            return False
        finally:
            self._looking.release()
        return True


def count(snapshot: Snapshot) -> Iterator[Metric]:
    """Return the figures of a snapshot."""
    yield from _count_pfs(snapshot)
    wanted = GaugeMetricFamily(
        "portside_pool_vfs_wanted", "Minimum number of VFs of a pool.", labels=("pool", "pf")
    )
    autostart = GaugeMetricFamily(
        "portside_pool_autostart",
        "1 if the agent keeps the pool at its minimum.",
        labels=("pool", "pf"),
    )
    for pool in snapshot.pools:
        labels = (pool.definition.name, str(pool.pf))
        if pool.definition.minimum is not None:
            wanted.add_metric(labels, pool.definition.minimum)
        autostart.add_metric(labels, pool.autostart)
    yield wanted
    yield autostart
    if not snapshot.guests.absent:
        yield GaugeMetricFamily(
            "portside_libvirt_answers",
            "0 if libvirt does not answer; VFs that only libvirt could prove free are then "
            "unknown. No sample with --connect none.",
            value=not snapshot.guests.unknown,
        )


def _count_pfs(snapshot: Snapshot) -> Iterator[Metric]:
    quarantined = GaugeMetricFamily(
        "portside_pf_quarantined",
        "1 if the PF is in quarantine: Portside changes nothing on it.",
        labels=_PF,
    )
    limit = GaugeMetricFamily("portside_pf_vfs_limit", "sriov_totalvfs.", labels=_PF)
    present = GaugeMetricFamily("portside_vfs_present", "Number of VFs present.", labels=_PF)
    states = GaugeMetricFamily(
        "portside_vfs",
        "VFs by state, with the names that portside pool status uses; only free VFs can be taken.",
        labels=(*_PF, "state"),
    )
    for view in snapshot.pfs:
        pf = view.pf
        labels = (str(pf.address), _interface(pf))
        quarantined.add_metric(labels, bool(view.quarantine))
        if pf.totalvfs is not UNKNOWN:
            limit.add_metric(labels, pf.totalvfs)
        if pf.numvfs is UNKNOWN:
            continue  # no figure is better than a wrong one
        present.add_metric(labels, pf.numvfs)
        for state, number in count_vfs(view).items():
            states.add_metric((*labels, state), number)
    yield from (quarantined, limit, present, states)


def _interface(pf: PhysicalFunction) -> str:
    return "" if pf.interfaces is UNKNOWN or not pf.interfaces else pf.interfaces[0].name
