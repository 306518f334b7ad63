# SPDX-License-Identifier: Apache-2.0
"""Two states of one domain."""

import json

import pytest

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.caption import DeviceKind
from sidecar.domainxml.comparison import Comparison, compare
from sidecar.domainxml.topology import Change, PortState, read_topology
from sidecar.hook.define_domain import Settings, define_domain
from tests.support import RECORDINGS
from tests.unit.domainxml.trees import address, nic, port, written


def asked(boot: str, call: int, annotations: dict[str, str]) -> Comparison:
    """Compare what a recorded call sent with what the engine makes of it."""
    folder = RECORDINGS / boot
    vmi = json.loads((folder / f"pass{call}-vmi.json").read_bytes())
    vmi["metadata"]["annotations"] |= annotations
    sent = (folder / f"pass{call}-to-hook.xml").read_bytes()
    changed = define_domain(json.dumps(vmi).encode(), sent, Settings()).mutation.domain
    return compare(read_topology(sent), read_topology(changed))


def test_reserved_ports_and_a_team_are_told() -> None:
    change = asked(
        "sriov",
        3,
        {
            "portside.io/interfaces": "8",
            "portside.io/teaming": '{"vf": "standby"}',
            "portside.io/vfs": '[{"name": "fast", "address": "0000:65:00.3"}]',
        },
    )
    changes = {d.caption.title: d.change for d in change.after.devices if d.change}
    assert changes == {"VF fast": "new", "NIC standby": "edited", "VF vf": "edited"}
    new = [bus.index for bus in change.after.buses if bus.change is Change.NEW]
    before, after = change.before.ports, change.after.ports
    assert new == list(range(before.total + 1, after.total + 1))
    assert after.free >= 5
    assert change.gone == ()


@pytest.mark.parametrize(("boot", "call"), [("nic1", 3), ("bigmem", 3), ("sriov", 3), ("nic4", 2)])
def test_nobody_moves_for_32_interfaces(boot: str, call: int) -> None:
    change = asked(boot, call, {"portside.io/interfaces": "32"})
    assert {device.change for device in change.after.devices} == {Change.NONE}
    added = [bus for bus in change.after.buses if bus.change is Change.NEW]
    assert {bus.port for bus in added} == {PortState.FREE}
    assert len(added) == change.after.ports.total - change.before.ports.total


def test_a_comparison_tells_who_moved_came_and_went() -> None:
    before = read_topology(written(port(1), port(2), nic("a", address(1)), nic("b", address(2))))
    after = read_topology(
        written(port(1), port(2), port(4), nic("a", address(2)), nic("c", address(4)))
    )
    change = compare(before, after)
    told = {
        d.caption.title: (d.change, d.was)
        for d in change.after.devices
        if d.caption.kind is DeviceKind.NIC
    }
    assert told == {"NIC a": ("moved", Place(1, 0)), "NIC c": ("new", None)}
    assert [device.caption.title for device in change.gone] == ["NIC b"]
    assert {bus.index for bus in change.after.buses if bus.change} == {3, 4}


def test_twins_do_not_take_each_others_places() -> None:
    rng = "<rng model='virtio'><backend model='random'>/dev/urandom</backend>{}</rng>"
    before = read_topology(written(port(1), port(2), rng.format(address(2))))
    after = read_topology(written(port(1), port(2), rng.format(address(1)), rng.format(address(2))))
    told = {d.place.bus: d.change for d in compare(before, after).after.devices if d.place.bus}
    assert told == {1: "new", 2: ""}


def test_a_port_that_may_be_plugged_again_is_edited() -> None:
    locked = read_topology(written(port(1, "<target hotplug='off'/>"), nic("a", address(1))))
    open_ = read_topology(written(port(1), nic("a", address(1))))
    assert [bus.change for bus in compare(locked, open_).after.buses] == ["", "edited"]


def test_controllers_are_told_apart_by_number_and_function() -> None:
    def scsi(index: int, bus: int) -> str:
        attributes = f"type='scsi' index='{index}' model='virtio-scsi'"
        return f"<controller {attributes}>{address(bus)}</controller>"

    def usb(part: str, function: int) -> str:
        attributes = f"type='usb' index='1' model='ich9-{part}'"
        return f"<controller {attributes}>{address(0, 9, function)}</controller>"

    ports = [port(1), port(2)]
    both = [scsi(0, 1), scsi(1, 2), usb("ehci1", 7), usb("uhci1", 0)]
    before = read_topology(written(*ports, *both))
    after = read_topology(written(*ports, scsi(1, 1), usb("uhci1", 0)))
    change = compare(before, after)
    assert [(d.caption.title, d.caption.details) for d in change.gone] == [
        ("USB controller 1", ("ich9-ehci1",)),
        ("SCSI controller", ("virtio-scsi",)),
    ]
    moved = [(d.caption.title, d.was) for d in change.after.devices if d.change]
    assert moved == [("SCSI controller 1", Place(2, 0))]
