# SPDX-License-Identifier: Apache-2.0
"""A lease's life by itself: taken, undone, given back, whoever the holder is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Timer
from typing import cast

import pytest

from sidecar.errors import CapacityError, HostError
from sidecar.host.inventory import read_inventory
from sidecar.host.numvfs import WriteHung
from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import LinkState, PortVlan, VfSettings
from sidecar.model.vf import PhysicalFunction, VirtualFunction
from sidecar.pools import rebind
from sidecar.pools.lease_life import LeaseLife, Taken
from sidecar.pools.rules.restore import parking_mac
from sidecar.state.locked_pf import HeldPf
from tests.unit.pools.conftest import PF, PoolHost

ADDRESS = PciAddress.parse(PF)
MAC = MacAddress("52:54:00:00:00:01")
HOLDERS = [
    Holder(HolderKind.DOMAIN, "web", "1"),
    Holder(HolderKind.VMI, "shop/web", "2"),
    Holder(HolderKind.CLAIM, "shop/claim", "3"),
]
SETTINGS = VfSettings(MAC, PortVlan(7), trust=True)
NEUTRAL = VfSettings(vlan=PortVlan(0), trust=False)


@contextmanager
def locked(host: PoolHost) -> Iterator[tuple[LeaseLife, HeldPf, VirtualFunction]]:
    """Lock the PF; return what acts, the records, and VF 0."""
    with host.store.lock(ADDRESS) as held:
        pf = cast("PhysicalFunction", read_inventory(host.node.sysfs, host.node.proc).find(ADDRESS))
        assert isinstance(pf.vfs, tuple)
        yield LeaseLife(host.node, held, pf), held, pf.vfs[0]


def take(host: PoolHost, holder: Holder, settings: VfSettings | None = SETTINGS) -> Taken:
    with locked(host) as (life, _, vf):
        taken = life.take(vf, holder, settings, pool="fast")
        life.confirm(taken)
    return taken


def give_back(host: PoolHost) -> None:
    with locked(host) as (life, held, vf):
        life.give_back(held.leases()[0], vf, "the test is over")


@pytest.fixture
def vf(host: PoolHost) -> PciAddress:
    """Return the address of VF 0 of two."""
    return PciAddress.parse(host.make(2)[0])


@pytest.mark.parametrize("holder", HOLDERS)
def test_whoever_had_it_leaves_nothing_on_it(
    host: PoolHost, vf: PciAddress, holder: Holder
) -> None:
    take(host, holder)
    assert host.links.settings["eth1", 0] == SETTINGS
    host.bind_vfio(str(vf))
    host.bind_native(str(vf))
    assert host.kernel.mac(str(vf)) == str(MAC)
    give_back(host)
    assert host.links.settings["eth1", 0] == replace(NEUTRAL, mac=parking_mac(vf))
    assert host.kernel.mac(str(vf)) == str(parking_mac(vf))
    assert host.store.leases(ADDRESS)[0].free


def test_everything_that_can_be_set_is_taken_off(host: PoolHost, vf: PciAddress) -> None:
    everything = VfSettings(
        MAC,
        PortVlan(7, 3),
        trust=True,
        spoofchk=False,
        link_state=LinkState.ENABLE,
        min_tx_rate=10,
        max_tx_rate=20,
    )
    take(host, HOLDERS[2], everything)
    assert host.links.settings["eth1", 0] == everything
    give_back(host)
    assert host.links.settings["eth1", 0] == VfSettings(
        parking_mac(vf),
        PortVlan(0),
        trust=False,
        spoofchk=True,
        link_state=LinkState.AUTO,
        min_tx_rate=0,
        max_tx_rate=0,
    )


def test_a_vf_whose_interface_has_another_address_is_not_bound_anew(
    host: PoolHost, vf: PciAddress
) -> None:
    take(host, HOLDERS[0])
    before = host.kernel.mac(str(vf))
    assert before != str(MAC)
    host.kernel.set_mac(str(vf), "02:00:00:00:00:77")
    give_back(host)
    assert host.kernel.mac(str(vf)) == before


def test_an_interface_that_its_driver_still_makes_is_waited_for(
    host: PoolHost, vf: PciAddress
) -> None:
    take(host, HOLDERS[0])
    host.bind_vfio(str(vf))
    host.bind_native(str(vf))
    host.kernel.move(str(vf), "nowhere yet")
    timer = Timer(0.3, host.kernel.release, (str(vf),))
    timer.start()
    give_back(host)
    timer.join()
    assert host.kernel.mac(str(vf)) == str(parking_mac(vf))


def test_a_vf_that_somebody_brought_up_meanwhile_stays_as_it_is(
    host: PoolHost, vf: PciAddress
) -> None:
    take(host, HOLDERS[0])
    host.bind_vfio(str(vf))
    host.bind_native(str(vf))
    host.kernel.set_up(str(vf))
    with pytest.raises(HostError, match=r"eth1v0 is up.*Its lease is kept for inspection"):
        give_back(host)
    assert host.store.leases(ADDRESS)[0].state is LeaseState.INSPECT
    assert host.kernel.taken == ()
    host.kernel.set_up(str(vf), up=False)
    give_back(host)
    assert host.store.leases(ADDRESS)[0].free
    assert host.kernel.mac(str(vf)) == str(parking_mac(vf))


def test_a_kernel_that_hangs_puts_the_pf_into_quarantine(
    host: PoolHost, vf: PciAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(host, HOLDERS[0])
    host.bind_vfio(str(vf))
    host.bind_native(str(vf))

    def hang(*_: object) -> str:
        raise WriteHung("writing to unbind does not come back", found="no end after 10 s")

    monkeypatch.setattr(rebind, "unbind", hang)
    with pytest.raises(WriteHung):
        give_back(host)
    assert host.store.leases(ADDRESS)[0].state is LeaseState.INSPECT
    assert "does not come back" in host.store.record(ADDRESS).quarantined("first")


@pytest.mark.usefixtures("vf")
def test_a_vf_that_is_gone_takes_all_with_it(host: PoolHost) -> None:
    take(host, HOLDERS[0])
    calls = host.links.calls
    with locked(host) as (life, held, _):
        life.give_back(held.leases()[0], None, "its VF is gone")
    assert host.links.calls == calls
    assert host.store.leases(ADDRESS)[0].free


@pytest.mark.usefixtures("vf")
def test_its_holder_gets_the_same_lease_and_what_was_lost(host: PoolHost) -> None:
    first = take(host, HOLDERS[1])
    host.links.settings.clear()
    again = take(host, HOLDERS[1])
    assert again.again
    assert again.lease.generation == first.lease.generation
    assert host.links.settings["eth1", 0] == SETTINGS
    with locked(host) as (life, _, _vf):
        assert life.undo(again) == ""
    assert not host.store.leases(ADDRESS)[0].free


@pytest.mark.usefixtures("vf")
def test_a_lease_of_other_settings_is_another_lease(host: PoolHost) -> None:
    first = take(host, HOLDERS[1])
    second = take(host, HOLDERS[1], VfSettings(MAC))
    assert second.lease.generation == first.lease.generation + 1
    # What only the first one wanted is gone.
    assert host.links.settings["eth1", 0] == replace(NEUTRAL, mac=MAC)


@pytest.mark.usefixtures("vf")
def test_its_own_lease_to_be_inspected_is_taken_anew(host: PoolHost) -> None:
    take(host, HOLDERS[1])
    with locked(host) as (life, held, one):
        held.mark(0, "a crash", host.node.now())
        with pytest.raises(CapacityError, match="the VF is not free"):
            life.take(one, HOLDERS[0], None)
    assert take(host, HOLDERS[1]).lease.holder == HOLDERS[1]


@pytest.mark.usefixtures("vf")
def test_what_libvirt_sets_is_not_touched(host: PoolHost) -> None:
    host.links.settings["eth1", 0] = SETTINGS
    host.links.read_settings("eth1", 0)
    calls = host.links.calls
    take(host, HOLDERS[0], None)
    assert host.links.calls == calls


@pytest.mark.usefixtures("vf")
def test_a_take_that_is_undone_leaves_what_there_was(host: PoolHost) -> None:
    host.links.read_settings("eth1", 0)
    before = VfSettings(MacAddress("52:54:00:00:00:09"), PortVlan(3), trust=False)
    host.links.settings["eth1", 0] = before
    taken = take(host, HOLDERS[0])
    with locked(host) as (life, _, _vf):
        assert life.undo(taken) == ""
    assert host.links.settings["eth1", 0] == before
    assert host.store.leases(ADDRESS)[0].free


@pytest.mark.usefixtures("vf")
def test_a_card_without_interface_can_be_leased_and_not_set(host: PoolHost) -> None:
    host.kernel.move(PF, "other")
    taken = take(host, HOLDERS[1], VfSettings())
    assert taken.lease.state is LeaseState.TAKING
    give_back(host)
    with pytest.raises(HostError, match="the PF has no network interface here"):
        take(host, HOLDERS[1])
    assert host.store.leases(ADDRESS)[0].free
