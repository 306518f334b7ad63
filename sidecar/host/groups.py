# SPDX-License-Identifier: Apache-2.0
"""IOMMU groups: what a guest must get together, or not at all."""

import os
from pathlib import Path
from typing import Final

from sidecar.errors import HostError
from sidecar.host.sysfs import Folder, Sysfs
from sidecar.model.digits import is_number
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN

_GROUPS: Final = "kernel/iommu_groups"
_BRIDGE: Final = "0x06"
"""Base class of bridges in PCI's class code; root ports are of it."""
_PRETENDED: Final = "vfio-noiommu"
"""Name of a group that VFIO makes up where there is no IOMMU."""


def shared_with(sysfs: Sysfs, address: PciAddress) -> tuple[str, ...]:
    """Return the other devices of a VF's IOMMU group, each with its driver; bridges do not count.

    The kernel gives a group to one owner: a device that a driver of the host has makes it not
    viable (``iommu_group_claim_dma_owner``), and one that is free goes along with the first VF
    of the group, so that no second guest can have it. The drivers of bridges leave it viable
    (``driver_managed_dma``).

    Raises:
        HostError: the group is there and cannot be listed, or one of its devices not looked at.
    """
    folder = sysfs.open(str(address))
    if folder is None:
        return ()
    with folder:
        names = folder.names("iommu_group/devices")
    if names is None:
        return ()
    if names is UNKNOWN:
        raise HostError(
            "its IOMMU group cannot be listed",
            where=f"VF {address}",
            expected=f"names in {sysfs.devices / str(address) / 'iommu_group/devices'}",
        )
    others = (_describe(sysfs, name) for name in sorted(names) if name != str(address))
    return tuple(other for other in others if other)


def reserved_regions(sysfs: Sysfs, address: PciAddress) -> tuple[int, tuple[str, ...]] | None:
    """Return a device's IOMMU group and the memory that its firmware must have mapped one to one.

    ``None`` if there is no such memory, no group, or nothing can be read. The kernel lets no such
    device into a guest (``device_rmrr_is_locked``, ``iommu_group_claim_dma_owner``). Regions of
    type ``direct-relaxable`` (USB, graphics) do not count, nor do ``msi`` and ``reserved``:
    ``Documentation/ABI/testing/sysfs-kernel-iommu_groups``.
    """
    folder = sysfs.open(str(address))
    if folder is None:
        return None
    with folder:
        group, text = folder.link("iommu_group"), folder.text("iommu_group/reserved_regions")
    if not isinstance(group, str) or not is_number(group) or not isinstance(text, str):
        return None
    lines = tuple(line for line in text.splitlines() if line.split()[-1:] == ["direct"])
    return (int(group), lines) if lines else None


def no_iommu(sysfs: Sysfs) -> bool:
    """Tell whether the kernel has no IOMMU in use: no group, or only such as VFIO made up."""
    groups = sysfs.root / _GROUPS
    try:
        names = os.listdir(groups)  # noqa: PTH208 - names are all that is wanted
    except OSError:
        return True
    return all(_is_pretended(groups / name) for name in names)


def _is_pretended(group: Path) -> bool:
    try:
        return (group / "name").read_text().strip() == _PRETENDED
    except OSError:
        return False  # the kernel gives a real group no name


def _describe(sysfs: Sysfs, name: str) -> str:
    """Say what a device of a group is; nothing of a bridge, and of one that is gone."""
    folder = sysfs.open(name)
    if folder is None:
        return ""
    with folder:
        if _is_bridge(folder):
            return ""
        driver = folder.link("driver")
    if driver is UNKNOWN:
        return f"{name} (driver unknown)"
    return f"{name} ({driver or 'no driver'})"


def _is_bridge(folder: Folder) -> bool:
    text = folder.text("class")
    return isinstance(text, str) and text.startswith(_BRIDGE)
