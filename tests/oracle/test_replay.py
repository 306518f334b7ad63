# SPDX-License-Identifier: Apache-2.0
"""Replayed against real libvirts, a boot without sidecar gives the recorded topology."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from sidecar.demo.launcher import boot
from sidecar.domainxml.kubevirt import replay
from sidecar.domainxml.startable import count_root_ports
from tests.oracle.definable import define
from tests.oracle.oracle import Oracle
from tests.support import RECORDINGS


def topology(xml: bytes) -> tuple[int, list[tuple[str, str, str]]]:
    """Root ports, and every device with the name KubeVirt knows it by and its address."""
    devices = etree.fromstring(xml).find("devices")
    assert devices is not None
    placed = []
    for device in devices.iter("*"):
        address = device.find("address")
        if device.getparent() is devices and address is not None and device.tag != "video":
            name = device.get("index") or (device.findtext("mac") or device.get("model") or "")
            placed.append((str(device.tag), name, str(sorted(address.attrib.items()))))
    return len(devices.findall("controller[@model='pcie-root-port']")), sorted(placed)


def bytes_to_bytes(oracle: Oracle) -> Callable[[bytes], bytes]:
    return lambda xml: define(oracle, xml)


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDINGS.iterdir()))
def test_topology_is_as_recorded(name: str, oracles: tuple[Oracle, ...]) -> None:
    case = RECORDINGS / name
    vmi = (case / "pass1-vmi.json").read_bytes()
    domain = replay.drop_placeholders((case / "pass1-to-hook.xml").read_bytes())
    for oracle in oracles:
        calls = boot(vmi, domain, lambda _vmi, xml: xml, bytes_to_bytes(oracle))
        for number, call in enumerate(calls, 1):
            recorded = (case / f"pass{number}-libvirt.xml").read_bytes()
            assert topology(call.defined) == topology(recorded), (oracle, number)


def without_nics(vmi: dict[str, Any], domain: etree._Element) -> None:
    vmi["spec"]["domain"]["devices"]["interfaces"] = []
    for interface in domain.findall("devices/interface"):
        interface.getparent().remove(interface)  # type: ignore[union-attr] # it has one


def on_root_complex(vmi: dict[str, Any], domain: etree._Element) -> None:
    vmi["metadata"]["annotations"]["kubevirt.io/placePCIDevicesOnRootComplex"] = "true"
    kinds = {"interface", "controller", "disk", "rng", "memballoon"}
    devices = [device for device in domain.iterfind("devices/*") if device.tag in kinds]
    for slot, device in enumerate(devices, 2):
        place = {"domain": "0x0000", "bus": "0x00", "slot": hex(slot), "function": "0x0"}
        etree.SubElement(device, "address", {"type": "pci", **place})


def on_old_machine(vmi: dict[str, Any], domain: etree._Element) -> None:
    vmi["spec"]["domain"]["machine"]["type"] = "pc"
    domain.find("os/type").set("machine", "pc")  # type: ignore[union-attr] # it has one


def with_frozen_slots(vmi: dict[str, Any], _domain: etree._Element) -> None:
    vmi["metadata"]["annotations"]["kubevirt.io/pci-interface-slot-count"] = "6"


@pytest.mark.parametrize(
    ("change", "placeholders", "ports"),
    [
        # Seen in boots of KubeVirt 1.9.
        (without_nics, 0, [0, 10]),
        (on_root_complex, 0, [0, 0]),
        (on_old_machine, 0, [0]),
        # From its rule: 6 slots for NICs, 6 other devices, and libvirt's spare port.
        (with_frozen_slots, 5, [0, 13, 13]),
    ],
)
def test_other_guests_take_other_calls(
    change: Callable[[dict[str, Any], etree._Element], None],
    placeholders: int,
    ports: list[int],
    machine: Oracle,
) -> None:
    case = RECORDINGS / "nic1"
    vmi = json.loads((case / "pass1-vmi.json").read_bytes())
    domain = etree.fromstring(replay.drop_placeholders((case / "pass1-to-hook.xml").read_bytes()))
    change(vmi, domain)
    calls = boot(
        json.dumps(vmi).encode(),
        etree.tostring(domain),
        lambda _vmi, xml: xml,
        bytes_to_bytes(machine),
    )
    assert calls[0].sent.count(b'dev="placeholder-') == placeholders
    assert [count_root_ports(call.sent) for call in calls] == ports
