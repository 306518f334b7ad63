# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.model.mac import MacAddress
from sidecar.model.request import Network
from sidecar.vmi.request import parse_request
from tests.unit.vmi.build import check, vmi

ASKS = {"interfaces": "9", "disks": "9", "host-devices": "9"}
INTERFACES = "VMI, at $.spec.domain.devices.interfaces"


def test_networks_of_all_kinds() -> None:
    interfaces = [
        {"name": "a"},
        {"name": "b", "macAddress": "DE-AD-00-00-BE-AF", "model": "virtio", "state": "down"},
        {"name": "c", "sriov": {}, "macAddress": "", "model": ""},
        {"name": "d", "sriov": None, "macAddress": None, "model": "e1000e", "state": "up"},
        {"name": "e", "sriov": {}, "macAddress": "rubbish", "state": "absent"},
    ]
    request = parse_request(vmi(ASKS, interfaces=interfaces))
    assert request.networks == (
        Network("a"),
        Network("b", mac=MacAddress("de:ad:00:00:be:af")),
        Network("c", sriov=True),
        Network("d", virtio=False),
    )
    assert request.interfaces is not None
    assert request.interfaces.defined == 4


@pytest.mark.parametrize(
    ("interfaces", "path", "parts"),
    [
        ({}, "", ("wrong type", "found an object", "expected a list")),
        ("x", "", ("wrong type",)),
        ([5], "[0]", ("wrong type", "found 5", "expected an object")),
        ([{}], "[0]", ("without a name",)),
        ([{"name": 5}], "[0].name", ("wrong type", "expected a string")),
        ([{"name": ""}], "[0].name", ("not a network's name",)),
        ([{"name": "a\u0000"}], "[0].name", ("not a network's name",)),
        ([{"name": "a\n"}], "[0].name", ("not a network's name",)),
        ([{"name": "a"}, {"name": "a"}], "[1].name", ("two interfaces have one name", '"a"')),
        ([{"name": "a", "state": "absent"}, {"name": "a"}], "[1].name", ("one name",)),
        ([{"name": "a", "macAddress": "x"}], "[0].macAddress", ("not a MAC address", "'x'")),
        ([{"name": "a", "macAddress": 5}], "[0].macAddress", ("wrong type",)),
        ([{"name": "a", "macAddress": "01:00:00:00:00:00"}], "[0].macAddress", ("multicast",)),
    ],
)
def test_malformed_interfaces_matter_to_a_vm_that_asks(
    interfaces: object, path: str, parts: tuple[str, ...]
) -> None:
    check(vmi({"interfaces": "1"}, interfaces=interfaces), INTERFACES + path, *parts)
    assert parse_request(vmi(interfaces=interfaces)).asks_nothing


@pytest.mark.parametrize("carrier", ["disk", "lun", "cdrom"])
def test_disks_on_virtio_count(carrier: str) -> None:
    buses = ["virtio", "sata", "scsi", "usb", "virtio", "", None, 5]
    disks: list[dict[str, object]] = [
        {"name": f"d{index}", carrier: {"bus": bus}} for index, bus in enumerate(buses)
    ]
    disks += [{"name": "without"}, {"name": "bare", carrier: {}}, {"name": "null", carrier: None}]
    request = parse_request(vmi(ASKS, devices={"disks": disks}))
    assert request.disks is not None
    assert request.disks.defined == 2


def test_gpus_and_host_devices_count() -> None:
    devices = {"gpus": [{"name": "g"}], "hostDevices": [{"name": "h"}, {"name": "i"}]}
    request = parse_request(vmi(ASKS, devices=devices))
    assert request.host_devices is not None
    assert request.host_devices.defined == 3


@pytest.mark.parametrize(
    ("devices", "where"),
    [
        ({"disks": {}}, ".disks"),
        ({"disks": [5]}, ".disks[0]"),
        ({"disks": [{"disk": "virtio"}]}, ".disks[0].disk"),
        ({"gpus": {}}, ".gpus"),
        ({"hostDevices": 1}, ".hostDevices"),
    ],
)
def test_malformed_devices_matter_when_counted(devices: dict[str, object], where: str) -> None:
    check(vmi(ASKS, devices=devices), f"VMI, at $.spec.domain.devices{where}", "wrong type")
    assert not parse_request(vmi({"interfaces": "9"}, devices=devices)).asks_nothing
