# SPDX-License-Identifier: Apache-2.0
"""The PCI tree as plain data, for programs: what ``portside topology -o json`` prints.

Keys are only ever added. Addresses are texts like ``0000:02:00.0``, numbers are decimal.
"""

from typing import Any

from sidecar.domainxml.comparison import Comparison
from sidecar.domainxml.topology import Change, PciBus, PciDevice, Topology


def describe_topology(topology: Topology) -> dict[str, Any]:
    """Describe one domain."""
    machine = topology.machine
    return {
        "name": topology.name,
        "machine": machine.name,
        "arch": machine.arch,
        "ports": {
            "family": str(topology.ports.family),
            "total": topology.ports.total,
            "free": topology.ports.free,
        },
        "buses": [_bus(bus) for bus in topology.roots],
    }


def describe_comparison(comparison: Comparison) -> dict[str, Any]:
    """Describe two states of a domain; ``after`` tells the changes where they are."""
    after = comparison.after
    changed = {change: _titles(after, change) for change in Change if change}
    return {
        "before": describe_topology(comparison.before),
        "after": describe_topology(after),
        "changes": {
            "ports_added": [b.index for b in after.buses if b.port and b.change is Change.NEW],
            "devices_added": changed[Change.NEW],
            "devices_moved": changed[Change.MOVED],
            "devices_edited": changed[Change.EDITED],
            "devices_gone": [device.caption.title for device in comparison.gone],
        },
    }


def _titles(topology: Topology, change: Change) -> list[str]:
    return [device.caption.title for device in topology.devices if device.change is change]


def _bus(bus: PciBus) -> dict[str, Any]:
    return {
        "index": bus.index,
        "model": bus.model,
        "address": None if bus.place is None else str(bus.place),
        "port": None if bus.port is None else str(bus.port),
        "pluggable": bus.pluggable,
        "free_slots": bus.free_slots,
        "added_by_libvirt": bus.implicit,
        "change": str(bus.change) or None,
        "devices": [_device(device) for device in bus.devices],
        "buses": [_bus(child) for child in bus.buses],
    }


def _device(device: PciDevice) -> dict[str, Any]:
    return {
        "address": str(device.place),
        "kind": str(device.caption.kind),
        "title": device.caption.title,
        "details": list(device.caption.details),
        "team": device.caption.team or None,
        "address_by_libvirt": not device.stands,
        "added_by_libvirt": device.implicit,
        "change": str(device.change) or None,
        "moved_from": None if device.was is None else str(device.was),
    }
