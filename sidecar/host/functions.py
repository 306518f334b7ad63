# SPDX-License-Identifier: Apache-2.0
"""From a function's folder in sysfs to a PF or VF.

Layout: Linux, ``Documentation/ABI/testing/sysfs-bus-pci`` and ``sysfs-class-net``.
"""

from dataclasses import dataclass
from typing import Final

from sidecar.errors import RequestError
from sidecar.host.representors import own_interfaces
from sidecar.host.sysfs import Folder, Sysfs, parse_name
from sidecar.model.digits import is_number
from sidecar.model.pci import PciAddress
from sidecar.model.vf import (
    MAX_FUNCTIONS,
    UNKNOWN,
    NetInterface,
    PciId,
    PhysicalFunction,
    Unknown,
    VirtualFunction,
)

_LINK: Final = "virtfn"
_UP: Final = 1
"""IFF_UP of netdevice(7)."""


@dataclass(frozen=True, slots=True)
class _Common:
    """What ``PciFunction`` has besides its address and identity."""

    driver: str | Unknown | None
    interfaces: tuple[NetInterface, ...] | Unknown
    iommu_group: int | Unknown | None
    numa_node: int | Unknown | None


def read_pf(sysfs: Sysfs, name: str) -> PhysicalFunction | None:
    """Read a PF and its VFs; ``None`` if the function has no SR-IOV, or is gone.

    Its VFs are counted by their links, for ``sriov_numvfs`` may block.

    Raises:
        HostError: the function is there and its folder cannot be opened.
    """
    address = parse_name(name)
    folder = None if address is None else sysfs.open(name)
    if folder is None or address is None:
        return None
    with folder:
        if not folder.exists("sriov_totalvfs"):
            return None
        common = _read_common(folder)
        interfaces = own_interfaces(folder, common.interfaces)
        device_class = folder.number("class")
        totalvfs = _read_count(folder, "sriov_totalvfs")
        identity = _read_identity(folder, "device")
        vf_identity = _read_identity(folder, "sriov_vf_device")
        vfs = _read_vfs(sysfs, folder, address, vf_identity)
        if not folder.exists("vendor"):
            return None
    return PhysicalFunction(
        address,
        identity,
        common.driver,
        interfaces,
        common.iommu_group,
        common.numa_node,
        totalvfs,
        vfs,
        device_class,
    )


def _read_vfs(
    sysfs: Sysfs, folder: Folder, physfn: PciAddress, identity: PciId | Unknown
) -> tuple[VirtualFunction, ...] | Unknown:
    names = folder.names()
    if names is UNKNOWN or names is None:
        return UNKNOWN
    links = [name for name in names if name.startswith(_LINK)]
    indices = sorted(int(number) for name in links if is_number(number := name[len(_LINK) :]))
    vfs = []
    for index in indices:
        name = folder.link(f"{_LINK}{index}")
        if name is None:
            continue
        address = None if name is UNKNOWN else parse_name(name)
        if name is UNKNOWN or address is None:
            # There is a VF, and it cannot be told which one.
            return UNKNOWN
        own = sysfs.open(name)
        vf = None if own is None else _read_vf(own, address, (physfn, index), identity)
        if vf is not None:
            vfs.append(vf)
    return tuple(vfs)


def _read_vf(
    folder: Folder, address: PciAddress, place: tuple[PciAddress, int], identity: PciId | Unknown
) -> VirtualFunction | None:
    """Read a VF; ``None`` if it is gone before everything of it has been read."""
    with folder:
        common = _read_common(folder)
        enabled = _read_count(folder, "enable")
        if identity is UNKNOWN:
            # Old kernels have no sriov_vf_device.
            identity = _read_identity(folder, "device")
        # Each function has this file: so all above was read of a VF that was there.
        if not folder.exists("vendor"):
            return None
    return VirtualFunction(
        address,
        identity,
        common.driver,
        common.interfaces,
        common.iommu_group,
        common.numa_node,
        *place,
        enabled,
    )


def _read_identity(folder: Folder, device: str) -> PciId | Unknown:
    """Read the vendor, and the device's number from a file of that name.

    A VF has its PF's vendor (SR-IOV 1.1, 3.4.1.1), and all VFs of a PF have one device
    number; the kernel fills in the VFs' own files from there (``pci_iov_add_virtfn``).
    """
    vendor = folder.number("vendor")
    number = folder.number(device, 16)
    if vendor is UNKNOWN or number is UNKNOWN:
        return UNKNOWN
    try:
        return PciId(vendor, number)
    except RequestError:
        return UNKNOWN


def _read_common(folder: Folder) -> _Common:
    node = folder.number("numa_node")
    return _Common(
        driver=folder.link("driver"),
        interfaces=_read_interfaces(folder),
        iommu_group=_read_group(folder),
        numa_node=None if node == -1 else node,
    )


def _read_count(folder: Folder, name: str) -> int | Unknown:
    count = folder.number(name)
    return count if count is not UNKNOWN and 0 <= count <= MAX_FUNCTIONS else UNKNOWN


def _read_group(folder: Folder) -> int | Unknown | None:
    name = folder.link("iommu_group")
    if name is None or name is UNKNOWN:
        return name
    return int(name) if is_number(name) else UNKNOWN


def _read_interfaces(folder: Folder) -> tuple[NetInterface, ...] | Unknown:
    names = folder.names("net")
    if names is UNKNOWN:
        return UNKNOWN
    return tuple(_read_interface(folder, name) for name in sorted(names or ()))


def _read_interface(folder: Folder, name: str) -> NetInterface:
    """Read an interface; one that is gone meanwhile is left with nothing known of it."""
    path = f"net/{name}"
    flags = folder.number(f"{path}/flags")
    operstate = folder.text(f"{path}/operstate")
    names = folder.names(path)
    master: str | Unknown | None = UNKNOWN
    uppers: tuple[str, ...] | Unknown = UNKNOWN
    if names is not None and names is not UNKNOWN:
        uppers = tuple(sorted(one[6:] for one in names if one.startswith("upper_")))
        master = folder.link(f"{path}/master") if "master" in names else None
    return NetInterface(
        name,
        up=UNKNOWN if flags is UNKNOWN else bool(flags & _UP),
        operstate=UNKNOWN if operstate is None else operstate,
        master=master,
        uppers=uppers,
    )
