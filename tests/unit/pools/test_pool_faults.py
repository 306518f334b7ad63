# SPDX-License-Identifier: Apache-2.0
"""Pools whose VFs somebody holds, and drivers that lie, refuse and hang."""

import errno
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.errors import HostError, PortsideError
from sidecar.model.pci import PciAddress
from sidecar.model.pool import KeptVf, PfRecord
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.operations import Pools
from sidecar.pools.pool_status import read_status
from sidecar.pools.rules.guard import RefusedError
from tests.unit.pools.conftest import OTHER, PF, PoolHost, make_host

ADDRESS = PciAddress.parse(PF)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


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
    with pytest.raises(HostError, match=r"found 2 VFs; expected 4.*has 2 VFs"):
        host.pools.start("fast")
    assert len(host.vfs()) == 2, "it never goes back to 0"
    assert not host.networks.is_active("fast")


def test_a_refused_number_leaves_the_host_as_it_was(host: PoolHost) -> None:
    host.kernel.behaviours["igb"] = replace(host.kernel.behaviours["igb"], refuses=errno.EIO)
    host.kernel.set_up(PF)
    host.define(4)
    with pytest.raises(HostError, match=r"\(EIO\).*Nothing has changed on the host"):
        host.pools.start("fast")
    assert host.vfs() == ()
    assert host.record == PfRecord(ADDRESS)


def test_growth_that_fails_makes_as_many_again(host: PoolHost) -> None:
    host.make(2)
    host.define(2)
    host.pools.start("fast")
    host.kernel.behaviours["igb"] = replace(host.kernel.behaviours["igb"], limit=3)
    host.want(4)
    with pytest.raises(HostError, match="Nothing has changed on the host"):
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
    with pytest.raises(HostError, match=r"does not return.*the PF is in quarantine"):
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
    with pytest.raises(HostError, match=r"no such network.*has 2 VFs"):
        host.pools.start("fast")
    assert len(host.vfs()) == 2


def test_a_group_that_is_not_viable_is_found_before_the_network_starts(tmp_path: Path) -> None:
    with make_host(tmp_path, shared=True) as host:
        host.define(2)
        with pytest.raises(
            HostError, match=r"not viable.*also in the group: 0000:01:00.0 \(igb\).*has 2 VFs"
        ):
            host.pools.start("fast")
        assert not host.networks.is_active("fast")


def test_what_a_killed_run_had_kept_reaches_free_vfs_and_no_other(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    for vf in host.vfs():
        host.bind_vfio(vf)
    kept = {index: KeptVf(VfSettings(vlan=PortVlan(7))) for index in range(2)}
    with host.store.lock(ADDRESS) as held:
        held.write_record(replace(held.record(), kept=kept))
    host.kernel.hold(host.vfs()[0], "guest")
    host.pools.start("fast")
    assert host.links.read_settings("eth1", 0).vlan is None
    assert host.links.read_settings("eth1", 1).vlan == PortVlan(7)
    host.kernel.release(host.vfs()[0])
    host.pools.start("fast")
    assert host.links.read_settings("eth1", 0).vlan == PortVlan(7)
    assert host.pools.start("fast").steps == ()


def test_what_a_killed_run_had_begun_is_told_until_a_start_has_looked(host: PoolHost) -> None:
    host.define(2)
    host.make(2)
    with host.store.lock(ADDRESS) as held:
        held.write_record(PfRecord(ADDRESS, operation="make 2 VFs"))
    (before,) = read_status(host.node)
    assert any("did not finish: make 2 VFs" in warning for warning in before.warnings)
    assert "did not finish" in host.pools.start("fast").notes[0]
    (after,) = read_status(host.node)
    assert after.warnings == ()


def test_vfs_that_come_after_the_command_has_gone_are_ours(host: PoolHost) -> None:
    host.kernel.behaviours["igb"] = replace(host.kernel.behaviours["igb"], late=3.0)
    host.define(4)
    host.pools = Pools(replace(host.node, late_seconds=0.1))
    with pytest.raises(HostError, match="make VFs: the VFs are not there yet; found 0 VFs"):
        host.pools.start("fast")
    wait_until(lambda: len(host.vfs()) == 4)
    host.pools.start("fast")
    host.pools.stop("fast")
    assert host.vfs() == ()
