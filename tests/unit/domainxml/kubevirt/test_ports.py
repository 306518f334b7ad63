# SPDX-License-Identifier: Apache-2.0
"""The root ports that KubeVirt appends by itself, and what comes of them."""

import pytest
from lxml import etree

from sidecar.domainxml.kubevirt.ports import count_extra_ports, memory_bytes
from sidecar.domainxml.reservation.limit import Outlook, forecast
from sidecar.model.ports import MachineFamily, PortCount
from tests.unit.domainxml.trees import nic, written


def memory(text: str, unit: str | None = None) -> int:
    domain = etree.Element("domain")
    node = etree.SubElement(domain, "memory")
    node.text = text
    if unit is not None:
        node.set("unit", unit)
    return memory_bytes(domain)


@pytest.mark.parametrize(
    ("text", "unit", "found"),
    [
        ("4", None, 4096),
        ("5", "b", 5),
        (" 2 ", "GiB", 2 << 30),
        ("2", "G", 2 << 30),
        ("2", "gib", 2 << 30),
        ("2", "MB", 2_000_000),
        ("2", "furlongs", 0),
        ("lots", "KiB", 0),
        ("", "KiB", 0),
        ("9" * 5000, "b", 0),
    ],
)
def test_memory(text: str, unit: str | None, found: int) -> None:
    assert memory(text, unit) == found


@pytest.mark.parametrize(
    ("gib", "devices", "extra"), [(2, 1, 5), (2, 9, 3), (3, 1, 13), (3, 14, 6)]
)
def test_by_memory_and_devices(gib: int, devices: int, extra: int) -> None:
    nics = [nic(str(number)) for number in range(devices)]
    domain = etree.fromstring(written(*nics))
    etree.SubElement(domain, "memory", unit="GiB").text = str(gib)
    # The USB controller of model none and the balloon of model none count too.
    assert count_extra_ports(domain, 0) == extra
    assert count_extra_ports(domain, 99) == 0


def count(total: int, free: int) -> PortCount:
    return PortCount(MachineFamily.PCIE, total, free)


@pytest.mark.parametrize(
    ("outlook", "free", "total"),
    [
        # Placeholders: we top up first, KubeVirt appends whatever is there.
        (Outlook(6, extra_first=False, freed=3, highest=10), 4, 16),
        (Outlook(6, extra_first=False, freed=3, highest=10), 12, 24),
        (Outlook(6, extra_first=False, freed=3, highest=10), 25, 31),
        (Outlook(6, extra_first=False, freed=3, highest=29), 4, 12),
        # None: KubeVirt's own count towards what was asked.
        (Outlook(6, extra_first=True, freed=0, highest=10), 4, 16),
        (Outlook(6, extra_first=True, freed=0, highest=10), 12, 21),
        (Outlook(6, extra_first=True, freed=0, highest=31), 12, 21),
        (Outlook(0, extra_first=True, freed=0, highest=10), 0, 10),
    ],
)
def test_the_forecast(outlook: Outlook, free: int, total: int) -> None:
    found = forecast(count(10, 1), count(10, 1), free, outlook)
    assert found.total == total == 10 + found.ours + found.kubevirts
