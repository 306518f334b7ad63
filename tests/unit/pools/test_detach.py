# SPDX-License-Identifier: Apache-2.0
"""A domain gives a VF back: its lease ends once nobody has the VF, and nothing stays on it."""

from threading import Timer

import pytest
from lxml import etree

from sidecar.domainxml.vf_device import Wanted
from sidecar.errors import HostError, RequestError
from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.detach import DetachRequest, detach
from sidecar.pools.live_or_config import Scope
from sidecar.pools.rules.restore import parking_mac
from tests.unit.pools.attaching import MAC, Machine
from tests.unit.pools.conftest import PF, PoolHost

BOTH, CONFIG = Scope(live=True, config=True), Scope(config=True)
ADDRESS = PciAddress.parse(PF)


@pytest.fixture
def machine(host: PoolHost) -> Machine:
    machine = Machine(host)
    machine.define()
    return machine


def parked(machine: Machine, index: int) -> str:
    return str(parking_mac(PciAddress.parse(machine.address(index))))


def test_nothing_of_the_guest_stays(machine: Machine) -> None:
    machine.attach(mac=MAC, vlan=7, trust=True)
    done = machine.detach()
    assert (done.domain, str(done.vf), done.returned) == ("web", machine.address(2), True)
    assert machine.state(2) is LeaseState.FREE
    after = machine.settings(2)
    assert (str(after.mac), after.vlan, after.trust) == (parked(machine, 2), PortVlan(0), False)
    # libvirt had bound the VF to its network driver while the PF kept the guest's address.
    assert machine.host.kernel.driver(machine.address(2)) == "igbvf"
    assert machine.host.kernel.mac(machine.address(2)) == parked(machine, 2)


def test_the_address_can_go_to_another_vf_afterwards(machine: Machine) -> None:
    machine.attach(mac=MAC)
    machine.detach()
    machine.host.kernel.set_up(machine.address(2))
    machine.define("two")
    assert str(machine.attach("two", mac=MAC).vf) == machine.address(1)


def test_a_vf_that_stays_with_vfio_is_not_bound_to_anything(machine: Machine) -> None:
    machine.returns = False
    machine.attach(mac=MAC)
    assert machine.detach().returned
    assert machine.host.kernel.driver(machine.address(2)) == "vfio-pci"
    assert str(machine.settings(2).mac) == parked(machine, 2)


def test_a_vf_whose_address_was_not_ours_is_left_as_libvirt_left_it(machine: Machine) -> None:
    machine.attach(kind=AttachAs.INTERFACE, mac=MAC)
    calls = machine.host.links.calls
    assert machine.detach().returned
    assert machine.host.links.calls == calls


def test_a_configuration_keeps_its_vf(machine: Machine) -> None:
    machine.attach(scope=BOTH)
    done = machine.detach(seconds=60)
    assert not done.returned
    assert done.kept == "the configuration of domain web names it"
    assert machine.state(2) is LeaseState.LEASED
    assert machine.detach(scope=CONFIG).returned


def test_both_states_at_once(machine: Machine) -> None:
    machine.attach(scope=BOTH)
    assert machine.detach(scope=BOTH).returned
    assert (machine.devices(), machine.devices(live=False)) == ([], [])


def test_a_wish_in_a_configuration_has_no_vf(machine: Machine) -> None:
    machine.attach(kind=AttachAs.NETWORK, scope=CONFIG)
    done = machine.detach(scope=CONFIG)
    assert (done.vf, done.returned, done.kept) == (None, False, "")


def test_a_guest_that_does_not_let_go_keeps_its_lease(machine: Machine) -> None:
    machine.attach()
    machine.guests.stubborn = True
    with pytest.raises(HostError, match=r"the guest has not released the VF.*still attached after"):
        machine.detach(seconds=0.1)
    assert machine.state(2) is LeaseState.LEASED


def test_a_vf_that_is_open_still_is_waited_for(machine: Machine) -> None:
    machine.attach()
    timers: list[Timer] = []

    def later(device: etree._Element) -> None:
        timers.append(Timer(0.5, Machine._get_back, (machine, device)))  # noqa: SLF001 - libvirt's own part
        timers[0].start()

    machine.guests.detached = later
    assert machine.detach(seconds=60).returned
    timers[0].join()


def test_a_vf_that_stays_open_keeps_its_lease(machine: Machine) -> None:
    machine.attach(mac=MAC)
    machine.guests.detached = lambda _: None
    done = machine.detach(seconds=0.3)
    assert not done.returned
    assert "somebody has it open" in done.kept or "enable" in done.kept
    assert machine.state(2) is LeaseState.LEASED
    assert machine.settings(2).mac == MAC


def test_what_does_not_come_off_is_to_be_inspected(machine: Machine) -> None:
    machine.attach(mac=MAC)
    machine.host.links.refused = {2}
    with pytest.raises(HostError, match="Its lease is kept for inspection"):
        machine.detach()
    assert machine.state(2) is LeaseState.INSPECT
    reason = machine.host.store.leases(ADDRESS)[2].reason
    assert reason.startswith("detached, and it could not be restored: ")


def test_an_interface_that_cannot_be_bound_anew_is_to_be_inspected(machine: Machine) -> None:
    machine.attach(mac=MAC)
    get_back = machine.guests.detached

    def break_down(device: etree._Element) -> None:
        get_back(device)
        machine.host.kernel.break_probe(machine.address(2))

    machine.guests.detached = break_down
    with pytest.raises(HostError, match="Its lease is kept for inspection"):
        machine.detach()
    assert machine.state(2) is LeaseState.INSPECT
    assert "could not be restored" in machine.host.store.leases(ADDRESS)[2].reason


@pytest.mark.parametrize("gone", [False, True])
def test_a_lease_whose_domain_was_stopped_or_is_gone_is_returned(
    machine: Machine, *, gone: bool
) -> None:
    machine.attach(mac=MAC)
    machine.stop()
    if gone:
        with machine.host.node.libvirt() as libvirt:
            libvirt.connection.lookupByName("web").undefine()
    wanted = Wanted(vf=PciAddress.parse(machine.address(2)))
    assert detach(machine.node, DetachRequest("web", wanted, Scope(), 0.0)).returned
    assert machine.host.kernel.mac(machine.address(2)) == parked(machine, 2)


def test_what_is_not_there_is_said(machine: Machine) -> None:
    with pytest.raises(RequestError, match="the domain has no such VF"):
        machine.detach("ua-nothing")
    wanted = Wanted(vf=PciAddress.parse(machine.address(2)))
    with pytest.raises(RequestError, match="the domain has no such VF"):
        detach(machine.node, DetachRequest("web", wanted, Scope(), 0.0))
    with pytest.raises(HostError, match="no such domain"):
        detach(machine.node, DetachRequest("nobody", wanted, Scope(), 0.0))


def test_two_vfs_of_one_address_must_be_told_apart(machine: Machine) -> None:
    for _ in range(2):
        machine.attach(kind=AttachAs.NETWORK, mac=MAC, scope=CONFIG)
    with pytest.raises(
        RequestError,
        match=r"more than one VF matches.*ua-portside-fast-0, ua-portside-fast-1",
    ):
        detach(machine.node, DetachRequest("web", Wanted(mac=MAC), CONFIG, 0.0))


def test_a_device_without_lease_is_only_detached(machine: Machine) -> None:
    machine.attach(mac=MAC)
    with machine.host.store.lock(ADDRESS) as held:
        held.mark(2, "test", machine.node.now())
        held.clear(2, machine.node.now())
    done = machine.detach()
    assert (str(done.vf), done.returned, done.kept) == (machine.address(2), False, "")


def test_a_lease_that_somebody_took_meanwhile_is_not_ended(machine: Machine) -> None:
    machine.attach(mac=MAC)
    next_holder = Holder(HolderKind.VMI, "shop/next", "1")
    get_back = machine.guests.detached

    def take(device: etree._Element) -> None:
        get_back(device)
        with machine.host.store.lock(ADDRESS) as held:
            lease = held.leases()[2]
            held.finish_return(
                held.begin_return(lease, lease.generation, machine.node.now()), machine.node.now()
            )
            held.confirm(
                held.take(2, next_holder, VfSettings(), "", machine.node.now()), machine.node.now()
            )

    machine.guests.detached = take
    machine.detach()
    assert machine.host.store.leases(ADDRESS)[2].holder == next_holder
