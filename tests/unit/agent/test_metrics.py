# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from prometheus_client import CollectorRegistry

from sidecar.agent.metrics import Census, Snapshot
from sidecar.agent.prepare import Preparer
from sidecar.agent.snapshot import look
from sidecar.errors import HostError
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.model.vf import UNKNOWN
from tests.fakes.host import PFS, Host, vmi

PF = PciAddress.parse(PFS[0].address)
LABELS = {"pf": PFS[0].address, "interface": "eth1"}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def registry_of(host: Host) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Census(lambda: look(host.node)))
    return registry


def states(registry: CollectorRegistry) -> dict[str, float | None]:
    return {
        state: registry.get_sample_value("portside_vfs", {**LABELS, "state": state})
        for state in ("free", "held", "quarantined", "unknown")
    }


def test_vfs_are_counted_by_what_may_be_done_with_them(host: Host) -> None:
    registry = registry_of(host)
    assert states(registry) == {"free": 3, "held": 0, "quarantined": 0, "unknown": 0}
    Preparer(host.node, None).prepare(vmi("one", [{"name": "a", "address": host.vf(0)}]))
    host.open(1)
    (host.tree.function(host.vf(2)) / "enable").unlink()
    assert states(registry) == {"free": 0, "held": 2, "quarantined": 0, "unknown": 1}
    with host.store.lock(PF) as held:
        held.mark(0, "look", host.node.now())
    assert states(registry) == {"free": 0, "held": 1, "quarantined": 1, "unknown": 1}


def test_a_pf_in_quarantine_has_no_free_vf(host: Host) -> None:
    with host.store.lock(PF) as held:
        held.write_record(replace(held.record(), quarantine="a write hangs"))
    registry = registry_of(host)
    assert states(registry) == {"free": 0, "held": 0, "quarantined": 3, "unknown": 0}
    assert registry.get_sample_value("portside_pf_quarantined", LABELS) == 1


def test_totals_and_pools(host: Host) -> None:
    host.store.write_pool(PoolRecord(PoolDefinition("fast", "eth1", 5), PF, autostart=True))
    registry = registry_of(host)
    assert registry.get_sample_value("portside_vfs_present", LABELS) == 3
    assert registry.get_sample_value("portside_pf_vfs_limit", LABELS) == 7
    labels = {"pool": "fast", "pf": PFS[0].address}
    assert registry.get_sample_value("portside_pool_vfs_wanted", labels) == 5
    assert registry.get_sample_value("portside_pool_autostart", labels) == 1


def test_vfs_that_cannot_be_listed_have_no_figure(host: Host) -> None:
    snapshot = look(host.node)
    pfs = tuple(replace(pf, vfs=UNKNOWN) for pf in snapshot.inventory.pfs)
    blind = replace(snapshot, inventory=replace(snapshot.inventory, pfs=pfs))
    registry = CollectorRegistry()
    registry.register(Census(lambda: blind))
    assert registry.get_sample_value("portside_vfs_present", LABELS) is None
    assert set(states(registry).values()) == {None}


def test_a_host_that_cannot_be_read_keeps_the_last_figures(host: Host) -> None:
    registry = registry_of(host)
    assert registry.get_sample_value("portside_inventory_readable") == 1
    host.tree.devices.rename(host.tree.devices.with_name("elsewhere"))
    assert registry.get_sample_value("portside_inventory_readable") == 0
    assert registry.get_sample_value("portside_vfs_present", LABELS) == 3


def test_a_scrape_does_not_wait_for_another_and_never_looks_twice_at_once(host: Host) -> None:
    looking, go_on = Event(), Event()
    looks = 0

    def slow() -> Snapshot:
        nonlocal looks
        looks += 1
        if looks == 2:
            looking.set()
            assert go_on.wait(10)
        return look(host.node)

    census = Census(slow)
    list(census.collect())
    first = Thread(target=lambda: list(census.collect()))
    first.start()
    assert looking.wait(10)
    names = {metric.name for metric in census.collect()}
    assert "portside_vfs_present" in names
    assert looks == 2
    go_on.set()
    first.join(10)


def test_an_error_that_is_ours_alone_shows(host: Host) -> None:
    def broken() -> Snapshot:
        raise HostError("no sysfs")

    (metric,) = Census(broken).collect()
    assert metric.samples[0].value == 0
    assert host.store.all_leases() == ()
