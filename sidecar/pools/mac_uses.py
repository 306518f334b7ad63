# SPDX-License-Identifier: Apache-2.0
"""The MAC addresses that the functions of a PF have, by whoever tells."""

from collections.abc import Iterator

from sidecar.host.macs import read_macs
from sidecar.model.vf import UNKNOWN, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.rules.mac_conflict import MacUse
from sidecar.state.locked_pf import HeldPf


def find_mac_uses(node: Node, held: HeldPf, pf: PhysicalFunction, ifname: str) -> Iterator[MacUse]:
    """List what the host's interfaces have, what the PF keeps for its VFs, and what is leased.

    Args:
        node: the host.
        held: the PF's records, locked.
        pf: the PF.
        ifname: its network interface.

    Raises:
        HostError: something cannot be read.
    """
    for function in (pf, *(() if pf.vfs is UNKNOWN else pf.vfs)):
        index = function.index if isinstance(function, VirtualFunction) else None
        whose = f"PF {pf.address}" if index is None else f"VF {index} ({function.address})"
        for own, mac in read_macs(node.sysfs, function.address):
            if mac is not UNKNOWN:
                yield MacUse(mac, index, f"interface {own} of {whose}", own)
        if index is not None:
            yield from _of_records(node, held, index, whose, ifname)


def _of_records(node: Node, held: HeldPf, index: int, whose: str, ifname: str) -> Iterator[MacUse]:
    lease = held.leases().get(index)
    kept = node.links.read_settings(ifname, index).mac
    leased = None if lease is None or lease.free else lease.settings.mac
    holder = "" if lease is None or lease.holder is None else f", held by {lease.holder}"
    todo = (
        "Use another MAC address, or wait until its holder gives that VF back"
        if holder
        else f"Use another MAC address, or give {whose} another one: portside vf set"
    )
    for mac in {kept, leased}:
        if mac is not None:
            yield MacUse(mac, index, f"{whose}{holder}", todo=todo)
