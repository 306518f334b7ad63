# SPDX-License-Identifier: Apache-2.0
"""Pools on a kernel that answers as the real one, with drivers that misbehave."""

import errno
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.errors import HostError, PortsideError, RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.node.status import read_status
from sidecar.pool.guard import RefusedError
from sidecar.pool.plan import StepKind
from tests.unit.node.conftest import OTHER, PF, PoolHost, make_host

ADDRESS = PciAddress.parse(PF)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_from_nothing_to_vfs_and_back(host: PoolHost) -> None:
    host.define(4)
    assert host.vfs() == ()
    plan = host.pools.plan("fast")
    assert host.vfs() == ()
    assert host.pools.start("fast") == plan
    assert len(host.vfs()) == 4
    assert host.networks.is_active("fast")
    assert host.record == PfRecord(ADDRESS, made=4, boot="first")
    assert host.pools.start("fast").steps == ()
    host.pools.stop("fast")
    assert host.vfs() == ()
    assert not host.networks.is_active("fast")
    host.pools.undefine("fast")
    assert host.pools.list() == ()


def test_defining_changes_nothing_and_shows_what_was_asked_for(host: PoolHost) -> None:
    host.define(4)
    assert host.kernel.made(PF) == 0
    assert b"<vf" not in host.networks.xml("fast")
    assert b'<vf num="4"/>' in host.pools.dumpxml("fast").replace(b"'", b'"')
    (pool,) = host.pools.list()
    assert (pool.definition.minimum, pool.active, pool.record is not None) == (4, False, True)


@pytest.mark.parametrize(
    ("count", "pf", "text"),
    [(8, "eth1", "at most 7"), (2, "eth9", "no physical function"), (None, "lo", "eth1")],
)
def test_what_cannot_be_is_not_defined(
    host: PoolHost, count: int | None, pf: str, text: str
) -> None:
    with pytest.raises(RequestError, match=text):
        host.define(count, pf=pf)
    assert host.networks.list() == ()
    assert host.store.pools() == ()


def test_an_interface_of_a_vf_is_no_pf(host: PoolHost) -> None:
    host.make(2)
    (name,) = (host.kernel.root / "bus/pci/devices" / host.vfs()[0] / "net").iterdir()
    with pytest.raises(RequestError, match="virtual function"):
        host.define(2, pf=name.name)


def test_more_vfs_than_wanted_stay_as_they_are(host: PoolHost) -> None:
    host.make(5)
    host.define(3)
    host.pools.start("fast")
    assert host.kernel.made(PF) == 5
    host.pools.stop("fast")
    assert len(host.vfs()) == 5, "others made them"


def test_growth_keeps_what_was_set_and_bound(host: PoolHost) -> None:
    vfs = host.make(2)
    host.bind_vfio(vfs[1])
    settings = VfSettings(mac=MacAddress.parse("52:54:00:00:00:01"), vlan=PortVlan(7))
    host.links.read_settings("eth1", 0)
    host.links.settings["eth1", 0] = settings
    host.define(4)
    host.pools.start("fast")
    assert len(host.vfs()) == 4
    assert host.links.read_settings("eth1", 0) == settings
    assert host.kernel.driver(vfs[1]) == "vfio-pci"
    assert host.record == PfRecord(ADDRESS, made=4, boot="first")
    assert host.kernel.taken == ()


@pytest.mark.parametrize("active", [True, False])
def test_a_held_vf_stands_against_growth(host: PoolHost, active: bool) -> None:
    vfs = host.make(2)
    host.define(2)
    if active:
        host.pools.start("fast")
    host.bind_vfio(vfs[0])
    host.kernel.hold(vfs[0], "guest")
    host.want(4)
    with pytest.raises(RefusedError, match=vfs[0]):
        host.pools.start("fast")
    assert host.networks.is_active("fast") is active
    assert (host.vfs(), host.kernel.taken) == (vfs, ())
    host.kernel.release(vfs[0])
    host.pools.start("fast")
    assert len(host.vfs()) == 4
    assert host.networks.is_active("fast")


def test_a_held_vf_stands_against_a_stop_and_the_network_runs_on(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    host.kernel.move(host.vfs()[1], "pod")
    with pytest.raises(RefusedError, match="the interface is in another one"):
        host.pools.stop("fast")
    assert host.networks.is_active("fast")
    assert host.kernel.taken == ()
    host.pools.stop("fast", keep_vfs=True)
    assert not host.networks.is_active("fast")
    assert len(host.vfs()) == 2


def test_a_driver_that_makes_fewer_is_found_out(host: PoolHost) -> None:
    host.kernel.behaviours["igb"] = replace(host.kernel.behaviours["igb"], makes_at_most=2)
    host.define(4)
    with pytest.raises(HostError, match=r"found 2 VFs; expected 4.*2 VFs are there"):
        host.pools.start("fast")
    assert len(host.vfs()) == 2, "it never goes back to 0"
    assert not host.networks.is_active("fast")


def test_a_refused_number_leaves_the_host_as_it_was(host: PoolHost) -> None:
    host.kernel.behaviours["igb"] = replace(host.kernel.behaviours["igb"], refuses=errno.EIO)
    host.kernel.set_up(PF)
    host.define(4)
    with pytest.raises(HostError, match=r"\(EIO\).*The host is as it was"):
        host.pools.start("fast")
    assert host.vfs() == ()
    assert host.record == PfRecord(ADDRESS)


def test_growth_that_fails_makes_as_many_again(host: PoolHost) -> None:
    host.make(2)
    host.define(2)
    host.pools.start("fast")
    host.kernel.behaviours["igb"] = replace(host.kernel.behaviours["igb"], limit=3)
    host.want(4)
    with pytest.raises(HostError, match="The host is as it was"):
        host.pools.start("fast")
    assert len(host.vfs()) == 2
    assert host.networks.is_active("fast")


def test_a_write_that_hangs_puts_the_pf_into_quarantine(host: PoolHost) -> None:
    (vf,) = host.make(1, OTHER)
    host.bind_vfio(vf)
    host.kernel.hold(vf, "guest", lets_go=False)
    # Another tool removes it: until the guest lets go, the kernel makes no VF of any PF.
    assert host.kernel.write(f"{OTHER},sriov_numvfs", "0") == errno.EINPROGRESS
    host.define(2)
    with pytest.raises(HostError, match=r"does not come back.*the PF is in quarantine"):
        host.pools.start("fast")
    assert len(host.kernel.stuck) == 2
    for attempt in (host.pools.start, host.pools.recover):
        with pytest.raises(PortsideError, match="quarantine"):
            attempt("fast")
    host.kernel.release(vf)
    wait_until(lambda: not host.kernel.stuck)
    # What was written came through in the end, and is counted as it is.
    host.pools.recover("fast")
    assert len(host.vfs()) == 2
    host.pools.start("fast")
    assert host.networks.is_active("fast")
    (one,) = host.kernel.taken
    assert one.pid == 0, "the other tool's doing, not ours"


def test_quarantine_lasts_until_the_kernel_answers_again(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    with host.store.lock(ADDRESS) as held:
        held.write_record(PfRecord(ADDRESS, boot="first", quarantine="hung"))
    with pytest.raises(RefusedError, match="in quarantine: hung"):
        host.pools.start("fast")
    (status,) = read_status(host.node, "fast")
    assert "in quarantine: hung" in status.warnings
    host.pools.recover("fast")
    assert host.pools.start("fast").steps == ()


def test_a_network_that_does_not_start_leaves_its_vfs(host: PoolHost) -> None:
    host.define(2)
    host.networks.undefine("fast")
    with pytest.raises(HostError, match=r"no such network.*2 VFs are there"):
        host.pools.start("fast")
    assert len(host.vfs()) == 2


def test_after_a_boot_the_vfs_are_made_anew(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    host.kernel.write(f"{PF},sriov_numvfs", "0")
    host.boot("second")
    host.pools.start("fast")
    assert len(host.vfs()) == 2
    assert host.record == PfRecord(ADDRESS, made=2, boot="second")


def test_another_pool_on_the_pf_keeps_the_vfs(host: PoolHost) -> None:
    host.define(2)
    host.define(2, name="other")
    host.pools.start("fast")
    host.pools.start("other")
    plan = host.pools.stop("fast")
    assert [step.kind for step in plan.steps] == [StepKind.STOP_NETWORK]
    assert len(host.vfs()) == 2
    host.pools.stop("other")
    assert host.vfs() == ()


def test_an_active_pool_is_not_undefined(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    with pytest.raises(HostError, match="portside pool stop fast"):
        host.pools.undefine("fast")
    assert host.store.pool("fast") is not None


def test_autostart_is_ours_and_survives_a_definition(host: PoolHost) -> None:
    host.define(2)
    host.pools.set_autostart("fast", autostart=True)
    host.define(3)
    assert host.pools.record("fast").autostart
    host.pools.set_autostart("fast", autostart=False)
    assert not host.pools.record("fast").autostart


@pytest.mark.parametrize("method", ["plan", "start", "stop", "undefine", "recover", "record"])
def test_a_pool_that_is_not_there_is_named(host: PoolHost, method: str) -> None:
    with pytest.raises(HostError, match="pool slow: there is no such pool"):
        getattr(host.pools, method)("slow")


def test_the_status_tells_who_has_what(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    for vf in host.vfs():
        host.bind_vfio(vf)
        host.kernel.hold(vf, "guest")
    (status,) = read_status(host.node)
    assert (status.present, status.free, status.held) == (2, 0, 2)
    assert any("exhausted" in warning for warning in status.warnings)
    host.kernel.release(host.vfs()[0])
    (status,) = read_status(host.node)
    assert (status.free, status.held, status.warnings) == (1, 1, ())


def test_a_group_that_is_not_viable_is_found_before_the_network_starts(tmp_path: Path) -> None:
    with make_host(tmp_path, shared=True) as host:
        host.define(2)
        with pytest.raises(HostError, match=r"not viable.*also 0000:01:00.0 \(igb\).*2 VFs are"):
            host.pools.start("fast")
        assert not host.networks.is_active("fast")
