# SPDX-License-Identifier: Apache-2.0
"""How many ports a domain has."""

from dataclasses import dataclass
from enum import StrEnum


class MachineFamily(StrEnum):
    """What a machine type offers for hot-plug."""

    PCIE = "pcie"
    """``q35`` and ``virt``: PCIe root ports, one device each."""
    PCI = "pci"
    """``pc`` and ``pseries``: conventional slots on root buses and bridges."""
    CCW = "ccw"
    """s390x: channel devices; nothing to reserve."""
    NONE = "none"
    """No PCI bus at all (``microvm``, boards with virtio-mmio only)."""


@dataclass(frozen=True, slots=True)
class PortCount:
    """Ports of a domain as it would boot.

    ``total``: root ports (family PCIE) or conventional slots (family PCI).
    ``free``: those of them that are empty once every device has its place, and that
    can be plugged (no ``hotplug='off'``).
    """

    family: MachineFamily
    total: int
    free: int
