# SPDX-License-Identifier: Apache-2.0
"""Counts the VFs when somebody scrapes; from links and our records, so that no PF can block it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sidecar.errors import PortsideError
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PoolRecord
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, Verdict

_PF: Final = ("pf", "interface")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is at one time: what the host shows, and what we keep of it."""

    inventory: Inventory
    leases: Mapping[PciAddress, Mapping[int, Lease]]
    records: Mapping[PciAddress, PfRecord]
    pools: tuple[PoolRecord, ...]


class Census(Collector):
    """Counts at each scrape; two at a time get one count.

    Args:
        look: reads a snapshot. It is never called twice at once: a scrape that comes while one
            is being read gets the one before, and none before the first.
    """

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        self._look = look
        self._looking = Lock()
        self._last: Snapshot | None = None

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering does not look."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Return the metrics of a new snapshot, or of the last one if none can be had now."""
        readable = self._renew()
        yield GaugeMetricFamily(
            "portside_inventory_readable",
            "Whether PFs and records could be read; if not, the figures are older ones.",
            value=readable,
        )
        if self._last is not None:
            yield from count(self._last)

    def _renew(self) -> bool:
        if not self._looking.acquire(blocking=False):
            return self._last is not None
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
        "portside_pool_vfs_wanted", "VFs that a pool wants at least.", labels=("pool", "pf")
    )
    autostart = GaugeMetricFamily(
        "portside_pool_autostart", "Whether the agent keeps the pool.", labels=("pool", "pf")
    )
    for pool in snapshot.pools:
        labels = (pool.definition.name, str(pool.pf))
        if pool.definition.minimum is not None:
            wanted.add_metric(labels, pool.definition.minimum)
        autostart.add_metric(labels, pool.autostart)
    yield wanted
    yield autostart


def _count_pfs(snapshot: Snapshot) -> Iterator[Metric]:
    quarantined = GaugeMetricFamily(
        "portside_pf_quarantined", "1 if nothing may touch the PF any more.", labels=_PF
    )
    limit = GaugeMetricFamily("portside_pf_vfs_limit", "sriov_totalvfs.", labels=_PF)
    present = GaugeMetricFamily("portside_vfs_present", "VFs that there are.", labels=_PF)
    states = GaugeMetricFamily(
        "portside_vfs",
        "VFs by state: free (may be leased), held (leased, or in use by what the kernel shows), "
        "quarantined (of a PF in quarantine, or to be inspected), unknown (counts as in use).",
        labels=(*_PF, "state"),
    )
    for pf in snapshot.inventory.pfs:
        labels = (str(pf.address), _interface(pf))
        record = snapshot.records.get(pf.address)
        locked = record is not None and bool(record.quarantine)
        quarantined.add_metric(labels, locked)
        if pf.totalvfs is not UNKNOWN:
            limit.add_metric(labels, pf.totalvfs)
        if pf.numvfs is UNKNOWN:
            continue  # no figure is better than a wrong one
        present.add_metric(labels, pf.numvfs)
        counted = _count_states(snapshot, pf, locked=locked)
        for state in ("free", "held", "quarantined", "unknown"):
            states.add_metric((*labels, state), counted[state])
    yield from (quarantined, limit, present, states)


def _count_states(snapshot: Snapshot, pf: PhysicalFunction, *, locked: bool) -> Counter[str]:
    leases = snapshot.leases.get(pf.address, {})
    counted: Counter[str] = Counter()
    for vf in () if pf.vfs is UNKNOWN else pf.vfs:
        lease, verdict = leases.get(vf.index), snapshot.inventory.usages[vf.address].verdict
        if locked or (lease is not None and lease.state is LeaseState.INSPECT):
            counted["quarantined"] += 1
        elif verdict is Verdict.IN_USE or (lease is not None and not lease.free):
            counted["held"] += 1
        else:
            counted[verdict] += 1
    return counted


def _interface(pf: PhysicalFunction) -> str:
    return "" if pf.interfaces is UNKNOWN or not pf.interfaces else pf.interfaces[0].name
