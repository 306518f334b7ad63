# SPDX-License-Identifier: Apache-2.0
"""All SR-IOV functions of a host, and who uses them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sidecar.host.addresses import interfaces_with_addresses, visible_interfaces
from sidecar.host.functions import read_pf
from sidecar.host.holders import PROCFS, Holders, read_holders
from sidecar.host.sysfs import SYSFS, Sysfs
from sidecar.host.usage import on_vfio, read_signals
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction

_NOBODY: Final = Holders({}, hidden=False)


def read_inventory(sysfs: Sysfs, proc: Path = PROCFS) -> Inventory:
    """Read all PFs and VFs, and what is seen of who uses them; changes and opens no device.

    Args:
        sysfs: the host's sysfs.
        proc: procfs, looked through for holders if a VFIO driver has a VF.

    Raises:
        HostError: the PCI devices cannot be listed.
    """
    return _weigh_all(sysfs, proc, _read_pfs(sysfs))


def read_one_pf(sysfs: Sysfs, address: PciAddress, proc: Path = PROCFS) -> Inventory:
    """Read one PF as ``read_inventory`` reads all; empty if there is no PF at the address.

    Raises:
        HostError: its folder cannot be opened.
    """
    pf = read_pf(sysfs, str(address))
    return _weigh_all(sysfs, proc, () if pf is None else (pf,))


def _weigh_all(sysfs: Sysfs, proc: Path, pfs: tuple[PhysicalFunction, ...]) -> Inventory:
    vfs = [vf for pf in pfs if pf.vfs is not UNKNOWN for vf in pf.vfs]
    cards = {pf.address for pf in pfs if pf.network_card}
    holders = read_holders(proc) if any(map(on_vfio, vfs)) else _NOBODY
    # A host without iommufd has no such files, so there is nothing to look up.
    by_device = any(file.startswith("devices/") for file in holders.by_file)
    addressed = _read_addressed(sysfs, vfs)
    return Inventory(
        pfs,
        {
            vf.address: read_signals(
                vf,
                holders,
                addressed,
                _vfio_devices(sysfs, vf) if by_device else (),
                network=vf.physfn in cards,
            )
            for vf in vfs
        },
    )


def _read_pfs(sysfs: Sysfs) -> tuple[PhysicalFunction, ...]:
    """Read the PFs; a VF's address is above its PF's, so it is known for one by its turn."""
    pfs = []
    seen: set[str] = set()
    for name in sysfs.functions():
        pf = None if name in seen else read_pf(sysfs, name)
        if pf is not None:
            pfs.append(pf)
            seen.update(str(vf.address) for vf in (() if pf.vfs is UNKNOWN else pf.vfs))
    return tuple(pfs)


def _read_addressed(sysfs: Sysfs, vfs: Sequence[VirtualFunction]) -> Mapping[str, bool]:
    """Tell of the VFs' interfaces whether they have an IP address; unknown ones are left out."""
    names = {
        interface.name for vf in vfs if vf.interfaces is not UNKNOWN for interface in vf.interfaces
    }
    addressed = sysfs.addressed
    if addressed is None:
        if sysfs.root != SYSFS or not names:
            return {}
        addressed = interfaces_with_addresses()
        # In a container, /sys may be the host's and the network not.
        visible = visible_interfaces()
        names &= frozenset() if visible is UNKNOWN else visible
    return {} if addressed is UNKNOWN else {name: name in addressed for name in names}


def _vfio_devices(sysfs: Sysfs, vf: VirtualFunction) -> Sequence[str]:
    folder = sysfs.open(str(vf.address)) if on_vfio(vf) else None
    if folder is None:
        return ()
    with folder:
        names = folder.names("vfio-dev")
    return () if names is None or names is UNKNOWN else names
