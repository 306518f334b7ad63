# SPDX-License-Identifier: Apache-2.0
"""What a VF's PF is to set when a plain hostdev comes and when it goes."""

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan, VfSettings

_NO_VLAN = PortVlan(0)


def settings_to_apply(wanted: VfSettings, before: VfSettings) -> VfSettings:
    """Return what must change, so that the VF has nothing of whoever had it before.

    What a driver does not tell it may not know either, so that is set only if it is wanted.
    """
    tagged = before.vlan is not None and before.vlan != _NO_VLAN
    vlan = wanted.vlan if wanted.vlan is not None or not tagged else _NO_VLAN
    trust = wanted.trust if wanted.trust is not None or not before.trust else False
    return VfSettings(wanted.mac, vlan, trust).beyond(before)


def settings_to_undo(done: VfSettings, before: VfSettings, vf: PciAddress) -> VfSettings:
    """Return what puts back ``done``; what was not set before gets a neutral value.

    A MAC address that stayed would stand on two VFs when its guest comes back on another.
    Drivers refuse one of all zeros, so the VF is parked on an address that no other has.
    """
    return VfSettings(
        mac=None if done.mac is None else before.mac or parking_mac(vf),
        vlan=None if done.vlan is None else before.vlan or _NO_VLAN,
        trust=None if done.trust is None else before.trust or False,
    )


def parking_mac(vf: PciAddress) -> MacAddress:
    """Return a MAC address of a VF that nobody uses: locally administered, from its place."""
    place = (0x02, vf.domain >> 8, vf.domain & 0xFF, 0x50, vf.bus, vf.slot << 3 | vf.function)
    return MacAddress(":".join(f"{byte:02x}" for byte in place))
