# SPDX-License-Identifier: Apache-2.0
"""Where libvirt puts devices, in small; tests/oracle does it with real libvirts at large."""

import pytest

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.layout import Layout, count_ports
from sidecar.errors import CapacityError, RequestError
from sidecar.model.ports import MachineFamily, PortCount
from tests.unit.domainxml.build import layout, refusal
from tests.unit.domainxml.trees import address, nic, port

OFF = "<target hotplug='off'/>"
BALLOON = "<rng model='virtio'><alias name='ua-rng'/></rng>"


def nics(found: Layout) -> list[Place]:
    items = found.places.items()
    return [place for owner, place in items if getattr(owner, "kind", "") == "interface"]


def ports(*devices: str, machine: str = "q35", arch: str = "x86_64") -> tuple[int, int]:
    count = count_ports(layout(*devices, machine=machine, arch=arch))
    return count.total, count.free


@pytest.mark.parametrize(
    ("devices", "total", "free"),
    [
        pytest.param((), 0, 0, id="nothing needs a port"),
        pytest.param((nic("a"),), 2, 1, id="one and a spare"),
        pytest.param((nic("a"), nic("b"), BALLOON), 4, 1, id="three and a spare"),
        pytest.param((port(0, model="pcie-root"), nic("a")), 2, 1, id="the root alone is nothing"),
        pytest.param((port(1), nic("a")), 1, 0, id="no spare where one writes ports"),
        pytest.param((port(1), nic("a"), nic("b")), 2, 0, id="grows without a spare"),
        pytest.param((port(3), nic("a")), 3, 2, id="holes are ports"),
        pytest.param((port(1, OFF), nic("a")), 1, 0, id="a locked port serves at boot"),
        pytest.param((port(1, OFF), port(2)), 2, 1, id="a locked port is not free"),
        pytest.param((nic("a", address(4)),), 4, 3, id="a given bus makes all before it"),
        pytest.param((nic("a", address(0, 5)),), 0, 0, id="on the root complex"),
    ],
)
def test_ports_of_q35(devices: tuple[str, ...], total: int, free: int) -> None:
    assert ports(*devices) == (total, free)


def test_devices_fill_ports_in_order() -> None:
    assert nics(layout(port(1), port(2), port(3), nic("a"), nic("b", address(1)))) == [
        Place(2, 0),
        Place(1, 0),
    ]


def test_a_bridge_for_conventional_devices_is_plugged_before_them() -> None:
    conventional = nic("old").replace("virtio", "rtl8139")
    found = layout(nic("a"), conventional, nic("b"))
    assert nics(found) == [Place(2, 0), Place(3, 1), Place(4, 0)]
    assert [(c.index, c.model) for c in found.added] == [
        (1, "pcie-root-port"),
        (2, "pcie-root-port"),
        (3, "pcie-to-pci-bridge"),
        (4, "pcie-root-port"),
        (5, "pcie-root-port"),
    ]
    assert count_ports(found) == PortCount(MachineFamily.PCIE, 4, 1)


def test_ports_of_expanders_and_switches_count() -> None:
    expander = port(1, "<target busNr='180'/>", "pcie-expander-bus")
    switch = port(3, model="pcie-switch-upstream-port") + port(
        4, model="pcie-switch-downstream-port"
    )
    # Index 2 is a hole, so a root port, which the switch plugs into.
    assert ports(expander, switch) == (2, 1)
    assert ports(expander, port(2, address(1, 0)), switch) == (2, 1)
    assert ports(expander, port(2, address(1, 0)), switch, nic("a"), nic("b")) == (3, 0)


def test_usb_companions_share_a_slot() -> None:
    found = layout(
        *(
            f"<controller type='usb' index='1' model='ich9-{model}'/>"
            for model in ("ehci1", "uhci1", "uhci2", "uhci3")
        )
    )
    places = {o.model: p for o, p in found.places.items() if (o.model or "").startswith("ich9")}
    assert places == {
        "ich9-ehci1": Place(0, 0x1D, 7),
        "ich9-uhci1": Place(0, 0x1D, 0),
        "ich9-uhci2": Place(0, 0x1D, 1),
        "ich9-uhci3": Place(0, 0x1D, 2),
    }


def test_slots_of_pc() -> None:
    # 31 slots; the PIIX3 has one.
    assert ports(machine="pc") == (31, 30)
    assert ports(nic("a"), nic("b"), machine="pc") == (31, 28)


def test_pc_adds_a_bridge_before_the_last_slot_is_gone() -> None:
    many = [nic(str(n)) for n in range(30)]
    assert ports(*many[:28], machine="pc") == (31, 2)
    assert ports(*many[:29], machine="pc") == (31, 1)
    assert ports(*many, machine="pc") == (62, 30)


def test_a_vf_has_a_host_bridge_of_pseries_to_itself() -> None:
    vf = f"<hostdev type='pci'>{address(1, 1)}</hostdev>"
    assert ports(vf, machine="pseries", arch="ppc64") == (31, 31)


def test_the_virt_machine() -> None:
    assert ports(nic("a"), machine="virt", arch="aarch64") == (2, 1)


def test_two_devices_on_one_address() -> None:
    error = refusal(RequestError, layout, port(1), nic("a", address(1)), nic("b", address(1)))
    assert str(error) == (
        "domain XML, <interface> with alias ua-a and <interface> with alias ua-b: "
        "two devices claim one PCI address; found 0000:01:00.0. "
        "Give the device another address, or none."
    )


def test_a_device_and_a_controller_on_one_address() -> None:
    error = refusal(RequestError, layout, port(1, address(0, 5)), nic("a", address(0, 5)))
    assert error.where == (
        "domain XML, <interface> with alias ua-a and <controller type='pci' index='1'>"
    )


@pytest.mark.parametrize(
    ("devices", "found", "expected"),
    [
        (
            (port(1), nic("a", address(1, 2))),
            "0000:01:02.0, on a pcie-root-port",
            "slot 0x0 to 0x0",
        ),
        (
            (port(1), port(2, model="pcie-to-pci-bridge"), nic("a", address(2, 0))),
            "0000:02:00.0, on a pcie-to-pci-bridge",
            "slot 0x1 to 0x1f",
        ),
    ],
)
def test_slots_that_a_bus_does_not_have(
    devices: tuple[str, ...], found: str, expected: str
) -> None:
    error = refusal(RequestError, layout, *devices)
    assert error.what == "a PCI address names a slot that its bus does not have"
    assert error.where == "domain XML, <interface> with alias ua-a"
    assert (error.found, error.expected) == (found, expected)


def test_a_controllers_slot_exists_too() -> None:
    error = refusal(RequestError, layout, port(1), port(2, address(1, 3)))
    assert error.where == "domain XML, <controller type='pci' index='2'>"


def test_functions_of_one_slot_are_no_clash() -> None:
    first, second = nic("a", address(1, 0, 0)), nic("b", address(1, 0, 1))
    assert ports(port(1), port(2), first, second) == (2, 1)


def test_more_ports_than_bus_zero_holds() -> None:
    error = refusal(CapacityError, layout, *(nic(str(n)) for n in range(250)))
    assert error.where == "domain XML, <devices>"


def test_added_controllers_do_not_exist_yet() -> None:
    found = layout(nic("a"))
    assert [(c.index, c.element) for c in found.added] == [(1, None), (2, None)]
    assert [found.places[c] for c in found.added] == [Place(0, 1, 0), Place(0, 1, 1)]
    assert [c.index for c in found.controllers] == [0, 1, 2]
