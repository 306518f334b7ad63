# SPDX-License-Identifier: Apache-2.0
"""A VF comes to a domain: leased, set, attached; or all is as before, or the error says not."""

from functools import partialmethod

import pytest
from lxml import etree

from sidecar.errors import BusyError, CapacityError, HostError, RequestError
from sidecar.model.lease import LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.live_or_config import Scope
from sidecar.pools.rules.restore import parking_mac
from sidecar.state.store import Store
from tests.unit.pools.attaching import MAC, STANDBY, Machine
from tests.unit.pools.conftest import PF, PoolHost

OTHER_MAC = MacAddress("52:54:00:00:00:0c")
LIVE, CONFIG = Scope(live=True), Scope(config=True)


@pytest.fixture
def machine(host: PoolHost) -> Machine:
    machine = Machine(host)
    machine.define()
    return machine


def test_a_plain_hostdev_is_leased_and_set_before_it_is_attached(machine: Machine) -> None:
    done = machine.attach(mac=MAC, vlan=7, trust=True)
    # libvirt takes the first, so we take the last.
    assert str(done.vf) == machine.address(2)
    assert (done.alias, done.mac) == ("ua-portside-fast-0", MAC)
    assert machine.settings(2) == VfSettings(MAC, PortVlan(7), trust=True)
    assert (machine.state(2), machine.holder(2)) == (LeaseState.LEASED, "web")
    (device,) = machine.devices()
    assert device.tag == "hostdev"
    assert machine.devices(live=False) == []


def test_of_an_interface_libvirt_sets_address_and_vlan(machine: Machine) -> None:
    machine.attach(kind=AttachAs.INTERFACE, mac=MAC, vlan=7)
    assert machine.settings(2) == VfSettings()
    (device,) = machine.devices()
    assert device.tag == "interface"
    assert machine.holder(2) == "web"


def test_what_somebody_left_on_the_vf_goes(machine: Machine) -> None:
    machine.host.links.settings["eth1", 2] = VfSettings(vlan=PortVlan(9), trust=True)
    machine.attach()
    assert machine.settings(2) == VfSettings(vlan=PortVlan(0), trust=False)


def test_libvirts_own_choice_is_leased(machine: Machine) -> None:
    done = machine.attach(kind=AttachAs.NETWORK)
    assert str(done.vf) == machine.address(0)
    assert [machine.holder(index) for index in range(3)] == ["web", "", ""]


def test_a_choice_that_was_not_foreseen_is_leased_too(machine: Machine) -> None:
    machine.chosen = 1
    machine.host.links.settings["eth1", 1] = VfSettings(MAC, PortVlan(7))
    assert str(machine.attach(kind=AttachAs.NETWORK).vf) == machine.address(1)
    assert [machine.state(index) for index in (0, 1)] == [LeaseState.FREE, LeaseState.LEASED]
    # What libvirt has set for its guest by then is not touched.
    assert machine.settings(1) == VfSettings(MAC, PortVlan(7))


def test_a_choice_that_libvirt_does_not_tell_is_an_error(machine: Machine) -> None:
    machine.guests.attached = lambda _: etree.Element("input", type="tablet", bus="usb")
    with pytest.raises(
        HostError, match=r"libvirt does not report which VF it attached.*no such device"
    ):
        machine.attach(kind=AttachAs.NETWORK)


def test_for_a_configuration_libvirt_chooses_at_each_start(machine: Machine) -> None:
    assert machine.attach(kind=AttachAs.NETWORK, scope=CONFIG).vf is None
    assert [one.get("type") for one in machine.devices(live=False)] == ["network"]
    assert machine.devices() == []
    assert machine.host.store.all_leases() == ()


def test_a_vf_for_a_configuration_is_leased(machine: Machine) -> None:
    machine.attach(scope=CONFIG, mac=MAC)
    assert len(machine.devices(live=False)) == 1
    assert machine.holder(2) == "web"
    machine.attach(scope=Scope(live=True, config=True))
    assert machine.holder(1) == "web"
    assert len(machine.devices(live=False)) == 2


@pytest.mark.parametrize("kind", AttachAs)
def test_what_libvirt_refuses_leaves_all_as_it_was(machine: Machine, kind: AttachAs) -> None:
    before = VfSettings(OTHER_MAC, PortVlan(5), trust=False)
    machine.host.links.settings["eth1", 2] = before
    machine.guests.refuses = "no room at the inn"
    with pytest.raises(HostError, match="Lease and settings were restored") as caught:
        machine.attach(kind=kind, mac=MAC)
    assert ("libvirt takes the first VF" in str(caught.value)) == (kind is AttachAs.NETWORK)
    assert machine.settings(2) == before
    assert {one.state for one in machine.host.store.all_leases()} == {LeaseState.FREE}
    assert machine.devices() == []


def test_a_refused_vf_that_had_no_address_is_parked(machine: Machine) -> None:
    machine.guests.refuses = "no room at the inn"
    with pytest.raises(HostError):
        machine.attach(mac=MAC, vlan=7, trust=True)
    vf = PciAddress.parse(machine.address(2))
    assert machine.settings(2) == VfSettings(parking_mac(vf), PortVlan(0), trust=False)


def test_a_refused_vf_that_was_bound_meanwhile_does_not_keep_the_address(machine: Machine) -> None:
    vf = machine.address(2)

    def bind_and_refuse(_: etree._Element) -> etree._Element:
        machine.host.bind_vfio(vf)
        machine.host.bind_native(vf)
        assert machine.host.kernel.mac(vf) == str(MAC)
        machine.guests.late = False
        raise machine.error("no room at the inn")

    machine.guests.attached = bind_and_refuse
    with pytest.raises(HostError, match="no room at the inn"):
        machine.attach(mac=MAC)
    assert machine.host.kernel.mac(vf) == str(parking_mac(PciAddress.parse(vf)))
    assert machine.state(2) is LeaseState.FREE


def test_a_device_that_came_though_libvirt_said_no_keeps_its_lease(machine: Machine) -> None:
    machine.guests.refuses, machine.guests.late = "a time-out", True
    with pytest.raises(
        HostError, match="Left over: the domain has the device ua-portside-fast-0, and its lease"
    ):
        machine.attach(mac=MAC)
    assert machine.state(2) is LeaseState.LEASED
    assert machine.settings(2).mac == MAC


def test_a_setting_that_the_driver_refuses_stops_it_before_libvirt(machine: Machine) -> None:
    machine.host.links.refused = {2}
    with pytest.raises(HostError, match="the driver refuses it"):
        machine.attach(mac=MAC)
    assert machine.state(2) is LeaseState.FREE
    assert machine.devices() == []


def test_what_cannot_be_put_back_is_left_for_inspection(machine: Machine) -> None:
    machine.guests.refuses = "no room at the inn"
    machine.host.links.breaking = {2}
    with pytest.raises(HostError, match=r"Left over: VF 2 .* could not be restored.*inspection"):
        machine.attach(mac=MAC)
    assert machine.state(2) is LeaseState.INSPECT


def test_a_libvirt_that_dies_meanwhile_leaves_the_lease_to_be_inspected(machine: Machine) -> None:
    def die(_: etree._Element) -> etree._Element:
        with machine.host.node.libvirt() as libvirt:
            domain = libvirt.connection.lookupByName("web")
            domain.destroy()
            domain.undefine()
        raise machine.error("connection reset")

    machine.guests.attached = die
    with pytest.raises(HostError, match=r"Left over: VF 2 .* and its lease could not be restored"):
        machine.attach(mac=MAC)
    with machine.host.store.lock(PciAddress.parse(PF)):
        assert machine.state(2) is LeaseState.INSPECT


def test_a_mac_address_of_another_vf_is_refused(machine: Machine) -> None:
    machine.attach(mac=MAC)
    machine.define("two")
    before = machine.host.store.all_leases()
    for kind in AttachAs:
        with pytest.raises(CapacityError, match=f"{MAC} on VF 2 .*held by domain web") as caught:
            machine.attach("two", kind=kind, mac=MAC)
        assert "another function of this PF has this MAC address" in str(caught.value)
    assert machine.host.store.all_leases() == before
    assert machine.devices("two") == []


def test_a_mac_address_that_was_set_for_a_free_vf_is_refused(machine: Machine) -> None:
    machine.host.links.settings["eth1", 0] = VfSettings(MAC)
    with pytest.raises(CapacityError, match=rf"{MAC} on VF 0 .*portside vf set"):
        machine.attach(mac=MAC)


def test_a_mac_address_of_the_hosts_own_interface_is_refused(machine: Machine) -> None:
    with pytest.raises(CapacityError, match=r"on interface eth1 of PF 0000:01:00\.0"):
        machine.attach(mac=MacAddress(machine.host.kernel.mac(PF)))
    mac = machine.host.kernel.mac(machine.address(0))
    with pytest.raises(CapacityError, match="on interface eth1v0 of VF 0"):
        machine.attach(mac=MacAddress(mac))


def test_the_halves_of_a_team_have_one_address(machine: Machine) -> None:
    assert machine.attach(team="net0").mac == MacAddress(STANDBY)
    with pytest.raises(RequestError, match="this team already has its VF"):
        machine.attach(team="net0")


def test_a_team_may_sit_on_another_vf_of_the_pf(machine: Machine) -> None:
    machine.define("two", on="eth1v0")
    machine.host.links.settings["eth1", 0] = VfSettings(MacAddress(STANDBY))
    machine.attach("two", team="net0")
    machine.define("three", on="eth1v1")
    with pytest.raises(CapacityError, match="another function of this PF"):
        machine.attach("three", team="net0")


def test_a_lease_whose_domain_lost_its_vf_is_ended_first(machine: Machine) -> None:
    machine.attach(mac=MAC)
    machine.stop()
    machine.define("two")
    for number in range(3):
        machine.attach("two", mac=MAC if number == 0 else None)
    assert [machine.holder(index) for index in range(3)] == ["two"] * 3


@pytest.mark.parametrize(
    ("wishes", "kind", "says"),
    [
        (
            {"trust": True, "kind": AttachAs.NETWORK},
            RequestError,
            "trust must be set before the VF is",
        ),
        ({"team": "net7"}, RequestError, "no interface has this alias"),
        ({"scope": Scope(live=True, config=True), "alias": "x"}, RequestError, "is not running"),
        ({"mac": OTHER_MAC, "team": "net0"}, RequestError, "different MAC addresses"),
    ],
)
def test_what_the_domain_cannot_have_is_refused(
    machine: Machine, wishes: dict[str, object], kind: type[Exception], says: str
) -> None:
    if says == "is not running":
        machine.stop()
    with pytest.raises(kind, match=says):
        machine.attach("web", **wishes)
    assert machine.host.store.all_leases() == ()


def test_a_domain_without_a_free_port_is_refused(machine: Machine) -> None:
    machine.define("full", ports=1)
    with pytest.raises(CapacityError, match="no free root port"):
        machine.attach("full")


def test_a_pool_that_gives_what_only_libvirt_can_set(machine: Machine) -> None:
    machine.host.pools.stop("fast", keep_vfs=True)
    with machine.host.node.libvirt() as libvirt:
        libvirt.connection.networkDefineXML(
            "<network><name>shaped</name><forward mode='hostdev' managed='yes'><pf dev='eth1'/>"
            "</forward><virtualport type='802.1Qbh'><parameters profileid='x'/></virtualport>"
            "</network>"
        ).create()
    with pytest.raises(RequestError, match="settings that only libvirt can apply"):
        machine.attach(pool="shaped")


def test_the_pools_vlan_is_the_vfs(machine: Machine) -> None:
    machine.host.pools.stop("fast", keep_vfs=True)
    machine.host.pools.define(
        b"<network><name>fast</name><forward mode='hostdev' managed='yes'><pf dev='eth1'/>"
        b"</forward><vlan><tag id='42'/></vlan></network>"
    )
    machine.host.pools.start("fast")
    machine.attach()
    assert machine.settings(2).vlan == PortVlan(42)
    machine.attach(vlan=43)
    assert machine.settings(1).vlan == PortVlan(43)


def test_a_pool_must_be_there_and_active(machine: Machine) -> None:
    machine.host.pools.stop("fast", keep_vfs=True)
    with pytest.raises(HostError, match="the pool's network is not active"):
        machine.attach()
    with pytest.raises(HostError, match="pool slow: no such pool"):
        machine.attach(pool="slow")
    with pytest.raises(HostError, match="domain nobody: no such domain"):
        machine.attach("nobody")


def test_a_busy_pf_is_said_to_be_busy(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    store = machine.host.store
    monkeypatch.setattr(Store, "lock", partialmethod(Store.lock, seconds=0.05))
    with store.lock(PciAddress.parse(PF)), pytest.raises(BusyError, match="waiting for the lock"):
        machine.attach()
