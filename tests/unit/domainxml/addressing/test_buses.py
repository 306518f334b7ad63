# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Bus, BusSet, Place
from sidecar.errors import CapacityError
from tests.unit.domainxml.build import refusal

ROOT_PORT = connect.BUS_MODELS["pcie-root-port"].plugs_into
HOT = connect.EXPRESS_DEVICE | connect.HOTPLUG


def models(buses: BusSet) -> list[str]:
    return [bus.model for bus in buses.buses]


def express(*more: Bus) -> BusSet:
    return BusSet([Bus("pcie-root"), *more])


def test_places_read_as_addresses() -> None:
    assert str(Place(0x3B, 2)) == "0000:3b:02.0"
    assert str(Place(255, 31, 7)) == "0000:ff:1f.7"


def test_each_express_device_gets_a_port() -> None:
    buses = express()
    assert [buses.assign(connect.EXPRESS_DEVICE) for _ in range(3)] == [
        Place(1, 0),
        Place(2, 0),
        Place(3, 0),
    ]
    assert models(buses) == ["pcie-root", *["pcie-root-port"] * 3]


def test_ports_share_slots_as_functions() -> None:
    buses = express()
    places = [buses.assign(ROOT_PORT) for _ in range(10)]
    assert places == [*(Place(0, 1, n) for n in range(8)), Place(0, 2, 0), Place(0, 2, 1)]


def test_ports_share_no_slot_with_others() -> None:
    buses = express()
    buses.occupy(Place(0, 1, 0), connect.PCIE)
    assert buses.assign(ROOT_PORT) == Place(0, 2, 0)


def test_bus_zero_holds_240_ports_and_some() -> None:
    buses = express()
    for _ in range(31 * 8):
        buses.assign(ROOT_PORT)
    error = refusal(CapacityError, buses.assign, ROOT_PORT)
    assert error.what == "no bus has room for a PCI controller, and libvirt adds none for it"
    assert error.where == "domain XML, <devices>"
    assert error.todo == "Remove PCI controllers or devices from bus 0."


def test_a_conventional_device_brings_a_bridge_behind_a_port_of_its_own() -> None:
    buses = express(Bus("pcie-root-port"))
    assert buses.assign(connect.CONVENTIONAL_DEVICE) == Place(3, 1)
    assert models(buses) == ["pcie-root", "pcie-root-port", "pcie-root-port", "pcie-to-pci-bridge"]
    bridge = connect.BUS_MODELS["pcie-to-pci-bridge"].plugs_into
    # The older port is free, but the new one is made for the bridge.
    assert buses.assign(connect.EXPRESS_DEVICE) == Place(1, 0)
    assert buses.assign(connect.EXPRESS_DEVICE) == Place(4, 0)
    assert buses.assign(bridge) == Place(2, 0)


def test_conventional_devices_fill_a_bridge_then_add_another() -> None:
    buses = BusSet([Bus("pci-root")])
    places = [buses.assign(connect.CONVENTIONAL_DEVICE) for _ in range(33)]
    assert places[0] == Place(0, 1)
    assert places[30:] == [Place(0, 31), Place(1, 1), Place(1, 2)]
    assert models(buses) == ["pci-root", "pci-bridge"]


def test_pseries_grows_by_host_bridges() -> None:
    buses = BusSet([Bus("pci-root")], multiple_roots=True)
    for _ in range(32):
        buses.assign(connect.CONVENTIONAL_DEVICE)
    assert models(buses) == ["pci-root", "pci-root"]


def test_a_dedicated_bus_takes_nothing_else() -> None:
    buses = BusSet([Bus("pci-root"), Bus("pci-root")], multiple_roots=True)
    for slot in range(1, 32):
        buses.occupy(Place(0, slot), connect.PCI)
    buses.buses[1].dedicated = True
    assert buses.assign(connect.CONVENTIONAL_DEVICE) == Place(2, 1)


def test_hot_plugging_needs_a_port_that_can() -> None:
    buses = express(Bus("pcie-root-port", pluggable=False), Bus("pcie-root-port"))
    assert buses.assign(HOT) == Place(2, 0)
    assert buses.assign(connect.EXPRESS_DEVICE) == Place(1, 0)


def test_taking_tells_what_was_free() -> None:
    buses = express()
    assert buses.occupy(Place(0, 3, 1), connect.PCIE)
    assert not buses.occupy(Place(0, 3, 1), connect.PCIE)
    assert buses.occupy(Place(0, 3, 0), connect.PCIE)


def test_a_given_address_makes_its_bus() -> None:
    buses = express()
    buses.occupy(Place(4, 0), connect.PCIE)
    assert models(buses) == ["pcie-root", *["pcie-root-port"] * 4]


def test_there_are_256_buses() -> None:
    buses = express()
    buses.occupy(Place(255, 0), connect.PCIE)
    for _ in range(254):
        buses.assign(connect.EXPRESS_DEVICE)
    error = refusal(CapacityError, buses.assign, connect.EXPRESS_DEVICE)
    assert str(error) == (
        "domain XML, <devices>: the domain would need more PCI buses than there are bus numbers; "
        "found 257; expected at most 256. Ask for fewer ports."
    )


def test_room_is_made_once() -> None:
    buses = express()
    buses.ensure_room(connect.EXPRESS_DEVICE)
    buses.ensure_room(connect.EXPRESS_DEVICE)
    assert models(buses) == ["pcie-root", "pcie-root-port"]
    assert not buses.buses[1].taken


@pytest.mark.parametrize(
    ("model", "slots"), [("pci-root", 31), ("pci-bridge", 31), ("pcie-root-port", 1)]
)
def test_free_slots(model: str, slots: int) -> None:
    bus = Bus(model)
    assert bus.free_slots() == slots
    assert not bus.full
    for slot in range(bus.spec.first_slot, bus.spec.last_slot + 1):
        bus.take(slot, 0, connect.PCI)
    assert bus.free_slots() == 0
    assert bus.full
