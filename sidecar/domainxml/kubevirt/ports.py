# SPDX-License-Identifier: Apache-2.0
"""The root ports that KubeVirt appends by itself, without asking a hook.

Source: ``calculateExtraControllerCount``, ``calculateHotplugPortCountV2`` and
``appendPCIeRootPortControllers`` (``pkg/virt-launcher/virtwrap/manager.go``),
``CountPCIDevices`` (``converter/pci-placement.go``), 1.9. Releases that do so write the
annotation ``kubevirt.io/pci-topology-version`` on every VMI.
"""

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from sidecar.domainxml.document import alias_of, child_of
from sidecar.domainxml.reservation.placeholders import is_placeholder
from sidecar.model.alias import is_of_entry

MAX_INDEX = 31
"""KubeVirt appends no root port with a higher index (``maxPCIBusIndex``)."""
LARGE_MEMORY = 2 << 30
"""Bytes; a VM with more gets ports for 16 devices rather than for 8."""

_SCALE: dict[str, int] = {"b": 1, "bytes": 1} | {
    name.lower(): int(base**power)
    for power, letter in enumerate("KMGTPE", 1)
    for name, base in ((letter, 1024), (f"{letter}iB", 1024), (f"{letter}B", 1000))
}
"""libvirt's units (``virScaleInteger``), which takes capital and small letters alike."""
_NOT_COUNTED = ("pci-root", "pcie-root", "pcie-expander-bus")
_NUMBER = re.compile(r"\s*([0-9]{1,19})\s*")


def count_extra_ports(domain: etree._Element, placeholders: int) -> int:
    """Count the root ports that KubeVirt will append to a domain that it sends first.

    Args:
        domain: as the first call has it; what we added and placeholders are not counted.
        placeholders: how many of its own KubeVirt put there.
    """
    used = count_pci_devices(_kubevirts_own(domain))
    large = memory_bytes(domain) > LARGE_MEMORY
    wanted = max(16 - used, 6) if large else max(8 - used, 3)
    return max(0, wanted - placeholders)


def count_pci_devices(devices: Iterable[etree._Element]) -> int:
    """Count devices as KubeVirt does to size its own reservation.

    Approximate, and KubeVirt's own: it counts a USB controller of model ``none`` too.
    """
    return sum(
        _takes_address(element)
        for element in devices
        if _child_attribute(element, "address", "type") in {"", "pci"}
    )


def memory_bytes(domain: etree._Element) -> int:
    """Return the domain's memory in bytes; 0 if it does not say."""
    memory = domain.find("memory")
    number = None if memory is None else _NUMBER.fullmatch(memory.text or "")
    if memory is None or number is None:
        return 0
    return int(number[1]) * _SCALE.get(memory.get("unit", "KiB").lower(), 0)


def _kubevirts_own(domain: etree._Element) -> Iterator[etree._Element]:
    for element in domain.iterfind("devices/*"):
        # KubeVirt gives addresses to the ports that it makes for the first call (NUMA).
        our_port = element.get("model") == "pcie-root-port" and child_of(element, "address") is None
        if not (our_port or is_placeholder(element) or is_of_entry(alias_of(element))):
            yield element


def _takes_address(device: etree._Element) -> bool:
    match device.tag:
        case "interface" | "watchdog" | "rng" | "memballoon":
            return True
        case "hostdev":
            return device.get("type") == "pci"
        case "controller":
            return device.get("model") not in _NOT_COUNTED
        case "disk":
            return _child_attribute(device, "target", "bus") == "virtio"
        case "input":
            return device.get("bus") == "virtio"
    return False


def _child_attribute(element: etree._Element, child: str, attribute: str) -> str:
    found = element.find(child)
    return "" if found is None else found.get(attribute, "")
