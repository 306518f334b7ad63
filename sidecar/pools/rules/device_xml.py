# SPDX-License-Identifier: Apache-2.0
"""A VF as libvirt attaches it to a domain: of the same make as the hook's VF entries."""

from dataclasses import dataclass
from enum import StrEnum

from sidecar.domainxml.vfs import format_vf
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, VfEntry, Vlan


class DeviceAs(StrEnum):
    """What a VF is to libvirt."""

    NETWORK = "network"
    """An interface of the pool's network: libvirt chooses the VF, and sets MAC and VLAN."""
    INTERFACE = "interface"
    """A hostdev interface: we choose the VF, libvirt sets MAC and VLAN."""
    HOSTDEV = "hostdev"
    """A plain hostdev: we choose the VF, and set MAC and VLAN through its PF."""


@dataclass(frozen=True, slots=True)
class VfDevice:
    """A VF to attach.

    Args:
        kind: see ``DeviceAs``.
        alias: of the device; libvirt keeps it if it begins with ``ua-``.
        pool: the network's name.
        address: the VF; what libvirt is told if it does not choose by itself.
        managed: whether libvirt takes the VF from its driver, and gives it back.
        mac: the guest's; ``None`` leaves it to libvirt or to the card.
        vlan: id of its VLAN, ``None`` for none.
        team: alias of the persistent half, ``None`` for no team.
    """

    kind: DeviceAs
    alias: str
    pool: str
    address: PciAddress
    managed: bool
    mac: MacAddress | None = None
    vlan: int | None = None
    team: str | None = None


def format_device(device: VfDevice) -> bytes:
    """Return the device's XML."""
    hostdev = device.kind is DeviceAs.HOSTDEV
    entry = VfEntry(
        name=device.alias,
        attach_as=AttachAs.HOSTDEV if hostdev else AttachAs.INTERFACE,
        where=f"pool {device.pool}",
        pool=device.pool,
        address=None if device.kind is DeviceAs.NETWORK else device.address,
        mac=device.mac,
        vlan=None if device.vlan is None else Vlan((device.vlan,)),
        managed=device.managed,
    )
    return format_vf(entry, device.alias, device.team)
