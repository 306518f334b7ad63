# SPDX-License-Identifier: Apache-2.0
"""Which VFs a VMI gets, and what is to be set for them through their PFs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.errors import RequestError
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.pci import PciAddress
from sidecar.model.request import Request, VfEntry, VmiIdentity
from sidecar.model.settings import PortVlan, VfSettings


@dataclass(frozen=True, slots=True)
class Wish:
    """An entry of ``portside.io/vfs`` whose VF is known.

    ``where`` is the entry's path, ``pool`` the pool it comes from, empty for none.
    """

    where: str
    pool: str
    vf: PciAddress
    settings: VfSettings


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that a VMI needs here: VFs, and how many of which pool are not chosen yet."""

    holder: Holder
    vfs: tuple[Wish, ...]
    open: Mapping[str, int]


def read_wishes(request: Request) -> Wishes:
    """Return what is to be prepared for a VMI that has entries.

    Raises:
        RequestError: no PF can do it, or the VMI has no uid to lease to.
    """
    named = [entry for entry in request.vfs if entry.address is not None]
    waiting = (entry.pool for entry in request.vfs if entry.address is None)
    return Wishes(
        holder_of(request.vmi),
        tuple(_wish(entry, entry.address) for entry in named if entry.address is not None),
        Counter(pool for pool in waiting if pool is not None),
    )


def holder_of(vmi: VmiIdentity) -> Holder:
    """Return the VMI as one who can hold VFs; it is the same one only by its uid.

    Raises:
        RequestError: it has no name or no uid.
    """
    if not vmi.name or not vmi.uid:
        raise RequestError(
            "a VMI without name or uid cannot hold a VF",
            where="VMI, at $.metadata",
            found=f"name {vmi.name!r}, uid {vmi.uid!r}",
        )
    return Holder(HolderKind.VMI, f"{vmi.namespace}/{vmi.name}", vmi.uid)


def _wish(entry: VfEntry, address: PciAddress) -> Wish:
    return Wish(entry.where, entry.pool or "", address, VfSettings(entry.mac, _vlan(entry)))


def _vlan(entry: VfEntry) -> PortVlan | None:
    if entry.vlan is None:
        return None
    if entry.vlan.trunk:
        raise RequestError(
            "a PF sets one VLAN for a VF, no trunk: netlink has no such setting",
            where=f"{entry.where}.vlan",
            found=f"a trunk of {len(entry.vlan.tags)}",
            expected='{"id": 100}, or no vlan: then the guest tags its frames as it likes',
        )
    return PortVlan(entry.vlan.tags[0])
