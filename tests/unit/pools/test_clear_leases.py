# SPDX-License-Identifier: Apache-2.0
"""Leases cleared by hand: under the lock, by all signals, with their settings."""

from pathlib import Path

import pytest

from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.availability import Availability, Source
from sidecar.model.lease import LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.model.vf import UNKNOWN, VirtualFunction
from sidecar.pools.clear_leases import VfPlace, clear_lease, list_leases, show_lease
from sidecar.pools.rules.restore import parking_mac
from tests.unit.pools.conftest import PoolHost
from tests.unit.pools.leasing import (
    ADDRESS,
    DOMAIN,
    SETTINGS,
    VMI,
    alone,
    define_domain,
    lease,
    set_for,
    state,
)


def test_what_was_cut_short_is_freed_with_its_settings(host: PoolHost) -> None:
    (name,) = host.make(1)
    vf = PciAddress.parse(name)
    set_for(host, SETTINGS)
    lease(host, settings=SETTINGS, cut_short=True)
    was = clear_lease(host.node, vf)
    assert (was.state, was.holder, was.generation) == (LeaseState.INSPECT, DOMAIN, 1)
    assert host.store.leases(ADDRESS)[0].free
    assert host.links.read_settings("eth1", 0) == VfSettings(mac=parking_mac(vf), vlan=PortVlan(0))
    with host.store.lock(ADDRESS) as held:
        assert held.take(0, VMI, VfSettings(), "", host.node.now()).generation == 2


def test_settings_that_are_gone_already_are_left_alone(host: PoolHost) -> None:
    (name,) = host.make(1)
    parked = VfSettings(mac=parking_mac(PciAddress.parse(name)), vlan=PortVlan(0))
    set_for(host, parked)
    host.links.refused = {0}
    lease(host, settings=SETTINGS, cut_short=True)
    clear_lease(host.node, VfPlace(ADDRESS, 0))
    assert state(host) is LeaseState.FREE


@pytest.mark.parametrize("stale", [True, False])
def test_it_stays_if_a_setting_does_not_come_back(host: PoolHost, *, stale: bool) -> None:
    host.make(1)
    set_for(host, SETTINGS)
    lease(host, settings=SETTINGS, cut_short=not stale)
    host.links.refused = {0}
    with pytest.raises(HostError, match="the driver refuses it"):
        clear_lease(host.node, VfPlace(ADDRESS, 0), stale=stale)
    assert state(host) is LeaseState.INSPECT
    host.links.refused = set()
    clear_lease(host.node, VfPlace(ADDRESS, 0))
    assert state(host) is LeaseState.FREE


@pytest.mark.parametrize("stale", [True, False])
def test_a_vf_that_a_process_has_stays(host: PoolHost, *, stale: bool) -> None:
    (name,) = host.make(1)
    host.bind_vfio(name)
    lease(host, cut_short=not stale)
    host.kernel.hold(name, "qemu")
    with pytest.raises(CapacityError, match="not clearing the lease"):
        clear_lease(host.node, PciAddress.parse(name), stale=stale)
    host.kernel.release(name)
    clear_lease(host.node, PciAddress.parse(name), stale=stale)
    assert state(host) is LeaseState.FREE


@pytest.mark.parametrize("stale", [True, False])
def test_a_vf_that_only_libvirt_sees_in_use_stays(host: PoolHost, *, stale: bool) -> None:
    (name,) = host.make(1)
    lease(host, cut_short=not stale)
    define_domain(host, name, start=True)
    with pytest.raises(CapacityError, match="domain vm1"):
        clear_lease(host.node, PciAddress.parse(name), stale=stale)
    assert not host.store.leases(ADDRESS)[0].free


@pytest.mark.parametrize("stale", [True, False])
def test_without_libvirt_nothing_is_proven(host: PoolHost, *, stale: bool) -> None:
    (name,) = host.make(1)
    lease(host, cut_short=not stale)
    with pytest.raises(CapacityError, match="cannot query libvirt"):
        clear_lease(alone(host), PciAddress.parse(name), stale=stale)
    assert not host.store.leases(ADDRESS)[0].free


def test_a_lease_is_stale_once_its_domain_is_gone(host: PoolHost) -> None:
    (name,) = host.make(1)
    vf = PciAddress.parse(name)
    lease(host)
    with pytest.raises(CapacityError, match=f"portside pool detach vm1 --vf {name} returns it"):
        clear_lease(host.node, vf)
    define_domain(host, name, start=False)
    with pytest.raises(CapacityError, match="the configuration of domain vm1 names it"):
        clear_lease(host.node, vf, stale=True)
    assert state(host) is LeaseState.LEASED
    with host.node.libvirt() as libvirt:
        libvirt.connection.lookupByName("vm1").undefine()
    clear_lease(host.node, vf, stale=True)
    assert state(host) is LeaseState.FREE


def test_a_vf_that_is_not_there_is_nobodys(host: PoolHost) -> None:
    lease(host, 3, cut_short=True)
    lease(host, 4, VMI, SETTINGS)
    assert clear_lease(alone(host), VfPlace(ADDRESS, 3)).holder == DOMAIN
    assert clear_lease(host.node, VfPlace(ADDRESS, 4), stale=True).holder == VMI
    assert (state(host, 3), state(host, 4)) == (LeaseState.FREE, LeaseState.FREE)


def test_unless_its_domain_waits_for_it(host: PoolHost) -> None:
    (name,) = host.make(1)
    define_domain(host, name, start=False)
    host.make(0)
    lease(host)
    with pytest.raises(CapacityError, match="the configuration of domain vm1 names it"):
        clear_lease(host.node, VfPlace(ADDRESS, 0), stale=True)
    with pytest.raises(CapacityError, match="cannot query libvirt"):
        clear_lease(alone(host), VfPlace(ADDRESS, 0), stale=True)
    assert state(host) is LeaseState.LEASED


def test_a_pf_that_is_gone_took_its_vfs_along(host: PoolHost) -> None:
    gone = PciAddress.parse("0000:09:00.0")
    other = PciAddress.parse("0000:00:1f.0")  # a device without SR-IOV
    for pf in (gone, other):
        with host.store.lock(pf) as held:
            held.take(0, DOMAIN, SETTINGS, "fast", host.node.now())
    clear_lease(host.node, VfPlace(gone, 0))
    assert host.store.leases(gone)[0].free
    with pytest.raises(HostError, match="cannot determine whether the VF exists"):
        clear_lease(host.node, VfPlace(other, 0))
    assert show_lease(host.node, VfPlace(other, 0)).vf is UNKNOWN


def test_a_pf_in_quarantine_keeps_its_leases(host: PoolHost) -> None:
    host.make(1)
    lease(host, cut_short=True)
    with host.store.lock(ADDRESS) as held:
        held.write_record(PfRecord(ADDRESS, boot="first", quarantine="a write hung"))
    with pytest.raises(HostError, match="in quarantine: a write hung"):
        clear_lease(host.node, VfPlace(ADDRESS, 0))
    host.boot("second")
    clear_lease(host.node, VfPlace(ADDRESS, 0))
    assert state(host) is LeaseState.FREE


def test_what_has_no_lease_leaves_no_trace(host: PoolHost, tmp_path: Path) -> None:
    (name,) = host.make(1)
    for which in (PciAddress.parse(name), VfPlace(ADDRESS, 5), VfPlace(PciAddress(9, 9, 0, 0), 0)):
        with pytest.raises(RequestError, match="this VF has no lease"):
            clear_lease(host.node, which)
    with pytest.raises(RequestError, match="no VF at this address; found a PF"):
        clear_lease(host.node, ADDRESS)
    with pytest.raises(CapacityError, match="no VF at this address; found nothing with SR-IOV"):
        clear_lease(host.node, PciAddress(9, 9, 0, 0))
    assert host.store.all_leases() == ()
    assert not (tmp_path / "state").exists()
    with pytest.raises(RequestError, match="this VF has no lease"):
        show_lease(host.node, VfPlace(ADDRESS, 5))


def test_all_leases_are_listed_also_without_their_vf(host: PoolHost) -> None:
    names = host.make(3)
    lease(host, 1)
    lease(host, 5, VMI)
    lease(host, 6, cut_short=True)
    with host.store.lock(ADDRESS):
        pass
    clear_lease(host.node, VfPlace(ADDRESS, 6))
    listed = list_leases(host.node)
    assert [one.lease.index for one in listed] == [1, 5]
    assert isinstance(listed[0].vf, VirtualFunction)
    assert str(listed[0].vf.address) == names[1]
    assert listed[1].vf is None
    every = list_leases(host.node, every=True)
    assert [(one.lease.index, one.lease.free, one.vf is None) for one in every] == [
        (0, True, False),
        (1, False, False),
        (2, True, False),
        (5, False, True),
        (6, True, True),
    ]


def test_a_lease_is_shown_with_what_its_vf_says(host: PoolHost) -> None:
    names = host.make(2)
    lease(host)
    define_domain(host, names[0], start=False)
    view = show_lease(host.node, PciAddress.parse(names[0]))
    assert (view.lease.holder, view.promised) == (DOMAIN, "vm1")
    assert view.assessment is not None
    verdicts = {one.source: one.verdict for one in view.assessment.evidence}
    assert verdicts[Source.LEASES] is Availability.LEASED
    assert verdicts[Source.LIBVIRT] is Availability.FREE
    assert verdicts[Source.CONFIGURATIONS] is Availability.PROMISED
    assert show_lease(host.node, VfPlace(ADDRESS, 1)).lease.free
    assert show_lease(alone(host), VfPlace(ADDRESS, 0)).unasked
