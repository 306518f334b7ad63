# SPDX-License-Identifier: Apache-2.0
"""Pools on a kernel that answers as the real one, with drivers that misbehave."""

import pytest

from sidecar.errors import HostError, RequestError
from sidecar.model.availability import Availability
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.pool_status import read_status
from sidecar.pools.rules.guard import RefusedError
from sidecar.pools.rules.plan import StepKind
from tests.unit.pools.conftest import PF, PoolHost

ADDRESS = PciAddress.parse(PF)


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
    with pytest.raises(HostError, match="pool slow: no such pool"):
        getattr(host.pools, method)("slow")


def test_the_status_tells_who_has_what(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    for vf in host.vfs():
        host.bind_vfio(vf)
        host.kernel.hold(vf, "guest")
    (status,) = read_status(host.node)
    assert (status.present, status.free, status.counts[Availability.IN_USE]) == (2, 0, 2)
    assert any("exhausted" in warning for warning in status.warnings)
    host.kernel.release(host.vfs()[0])
    (status,) = read_status(host.node)
    assert (status.free, status.counts[Availability.IN_USE], status.warnings) == (1, 1, ())


def test_the_lease_of_a_domain_that_is_gone_stands_against_nothing(host: PoolHost) -> None:
    host.define(2)
    host.pools.start("fast")
    with host.store.lock(ADDRESS) as held:
        for index, kind in enumerate((HolderKind.DOMAIN, HolderKind.VMI)):
            holder = Holder(kind, f"default/{kind}", "7a2a")
            lease = held.take(index, holder, VfSettings(), "fast", host.node.now())
            held.confirm(lease, host.node.now())
    with pytest.raises(RefusedError, match="vmi default/vmi") as refused:
        host.pools.stop("fast")
    # libvirt knows which domains there are; nobody here knows which VMIs there are.
    assert "domain" not in str(refused.value)
    assert host.store.leases(ADDRESS)[0].free
    assert len(host.vfs()) == 2
