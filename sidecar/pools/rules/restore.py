# SPDX-License-Identifier: Apache-2.0
"""What is set for a VF when it is taken, and what when it is given back: one rule for all holders.

Who gives a VF back leaves nothing of himself on it: its MAC address is parked, its VLAN taken off,
and what else was set for him goes back to what a new VF has. A take that fails is undone to what
there was before it.
"""

from collections.abc import Iterable
from dataclasses import fields

from sidecar.model.lease import Lease
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import LinkState, PortVlan, VfSettings
from sidecar.model.vf import UNKNOWN, Unknown

_NO_VLAN = PortVlan(0)


def settings_to_apply(wanted: VfSettings, before: VfSettings) -> VfSettings:
    """Return what must change, so that the VF has nothing of whoever had it before.

    What a driver does not tell it may not know either, so that is set only if it is wanted.
    """
    tagged = before.vlan is not None and before.vlan != _NO_VLAN
    vlan = wanted.vlan if wanted.vlan is not None or not tagged else _NO_VLAN
    trust = wanted.trust if wanted.trust is not None or not before.trust else False
    return VfSettings(
        wanted.mac,
        vlan,
        trust,
        wanted.spoofchk,
        wanted.link_state,
        wanted.min_tx_rate,
        wanted.max_tx_rate,
    ).beyond(before)


def settings_to_undo(done: VfSettings, before: VfSettings, vf: PciAddress) -> VfSettings:
    """Return what puts back ``done``; what was not set before gets a neutral value.

    A MAC address that stayed would stand on two VFs when its guest comes back on another.
    Drivers refuse one of all zeros, so the VF is parked on an address that no other has.
    """
    return VfSettings(
        mac=None if done.mac is None else before.mac or parking_mac(vf),
        vlan=None if done.vlan is None else before.vlan or _NO_VLAN,
        trust=None if done.trust is None else before.trust or False,
        spoofchk=None if done.spoofchk is None else before.spoofchk is not False,
        link_state=None if done.link_state is None else before.link_state or LinkState.AUTO,
        min_tx_rate=None if done.min_tx_rate is None else before.min_tx_rate or 0,
        max_tx_rate=None if done.max_tx_rate is None else before.max_tx_rate or 0,
    )


def settings_after_lease(lease: Lease, present: VfSettings, vf: PciAddress) -> VfSettings:
    """Return what must change when a lease ends; what is so already is not set again."""
    return settings_to_undo(lease.settings, VfSettings(), vf).beyond(present)


def settings_after_failure(
    done: VfSettings, before: VfSettings, present: VfSettings, vf: PciAddress
) -> VfSettings:
    """Return what must change when a take is undone.

    Args:
        done: what was to be set.
        before: what there was before.
        present: what there is now. What never changed is not set: the driver may have refused
            just that.
        vf: the VF.
    """
    changed = present.beyond(before)
    undone = VfSettings(
        **{
            one.name: getattr(done, one.name)
            for one in fields(done)
            if getattr(changed, one.name) is not None
        }
    )
    return settings_to_undo(undone, before, vf).beyond(present)


def keeps_mac(
    interfaces: Iterable[tuple[str, MacAddress | Unknown]], given: MacAddress | None
) -> bool:
    """Tell whether a VF's own interface may still have the MAC address that its holder had.

    The VF's network driver reads what the PF keeps for it only when it binds.

    Args:
        interfaces: of the VF, with their MAC addresses.
        given: what was set for the holder, ``None`` for nothing.
    """
    return given is not None and any(mac in {UNKNOWN, given} for _, mac in interfaces)


def parking_mac(vf: PciAddress) -> MacAddress:
    """Return a MAC address of a VF that nobody uses: locally administered, from its place."""
    place = (0x02, vf.domain >> 8, vf.domain & 0xFF, 0x50, vf.bus, vf.slot << 3 | vf.function)
    return MacAddress(":".join(f"{byte:02x}" for byte in place))
