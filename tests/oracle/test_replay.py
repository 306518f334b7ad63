# SPDX-License-Identifier: Apache-2.0
"""Replayed against real libvirts, a boot without sidecar gives the recorded topology."""

from collections.abc import Callable

import pytest
from lxml import etree

from sidecar.demo.launcher import boot
from sidecar.domainxml import replay
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
    return lambda xml: oracle.define(xml.decode()).encode()


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
