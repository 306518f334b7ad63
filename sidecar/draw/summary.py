# SPDX-License-Identifier: Apache-2.0
"""What both pictures say, in the same words."""

from collections import Counter
from collections.abc import Iterable

from sidecar.domainxml.caption import DeviceKind
from sidecar.domainxml.comparison import Comparison
from sidecar.domainxml.topology import Change, PciBus, PciDevice, PortState, Topology
from sidecar.model.ports import MachineFamily

STATES = {
    PortState.TAKEN: "taken",
    PortState.FREE: "free",
    PortState.HELD: "held by a placeholder",
    PortState.LOCKED: "hotplug off",
}

BRIDGES = {
    "pci-bridge": "PCI bridge",
    "pci-expander-bus": "expander bus",
    "dmi-to-pci-bridge": "DMI bridge",
    "pcie-to-pci-bridge": "PCI bridge",
    "pcie-switch-upstream-port": "switch",
    "pcie-expander-bus": "expander bus",
}
"""What to call a controller where its model's name is too long."""


def describe_machine(topology: Topology) -> str:
    """Name the domain and its machine."""
    machine = topology.machine
    name = f"{topology.name}: " if topology.name else ""
    return f"{name}{machine.name or 'no machine'}, {machine.arch}"


def summarize(topology: Topology) -> str:
    """Count the ports or slots in one sentence."""
    ports = topology.ports
    if ports.family is MachineFamily.CCW:
        return "no PCI ports: this machine's devices are on channels (CCW)"
    if ports.family is MachineFamily.NONE:
        return "no PCI ports that Portside knows of"
    if ports.family is MachineFamily.PCI:
        return f"{_many(ports.total, 'slot')}: {ports.total - ports.free} taken, {ports.free} free"
    states = Counter(bus.port for bus in topology.buses if bus.port)
    parts = [f"{states[PortState.TAKEN]} taken", f"{states[PortState.FREE]} free"]
    parts += [f"{states[s]} {STATES[s]}" for s in (PortState.HELD, PortState.LOCKED) if states[s]]
    return f"{_many(states.total(), 'port')}: {', '.join(parts)}"


def describe_guesses(topology: Topology) -> str:
    """Tell what of the picture the domain itself does not say; empty if it says all."""
    addresses = sum(not device.stands for device in topology.devices)
    ports = sum(bus.port is not None and bus.implicit for bus in topology.buses)
    parts = [f"gives {_many(addresses, 'address')}"] if addresses else []
    parts += [f"adds {_many(ports, 'port')}"] if ports else []
    return f"as it will boot: libvirt {' and '.join(parts)}" if parts else ""


def summarize_changes(comparison: Comparison) -> str:
    """Tell what the later state adds, and whether anything moved."""
    after = comparison.after
    ports = sum(bus.port is not None and bus.change is Change.NEW for bus in after.buses)
    bridges = sum(bus.port is None and bus.change is Change.NEW for bus in after.buses)
    new = [device for device in after.devices if device.change is Change.NEW]
    added = [_many(ports, "port")] if ports else []
    added += [_many(bridges, "other bus")] if bridges else []
    added += _titles(new)
    parts = [f"added {', '.join(added)}"] if added else ["nothing added"]
    edited = [device for device in after.devices if device.change is Change.EDITED]
    parts += [f"{device.caption.title}: {device.caption.team or 'no team'}" for device in edited]
    if comparison.gone:
        parts.append(f"gone {', '.join(_titles(comparison.gone))}")
    moved = _titles(device for device in after.devices if device.change is Change.MOVED)
    parts.append(f"moved {', '.join(moved)}" if moved else "no device moved")
    return "; ".join(parts)


def count_slots(bus: PciBus) -> str:
    """Count the empty slots of a conventional bus."""
    return f"{_many(bus.free_slots, 'slot')} free"


def device_notes(device: PciDevice) -> list[str]:
    """Say what the device's caption does not."""
    notes = []
    if device.change is Change.NEW:
        notes.append("+ added")
    elif device.change is Change.MOVED:
        notes.append(f"moved from {device.was}")
    elif device.change is Change.EDITED:
        notes.append("+ teamed" if device.caption.team else "no longer teamed")
    if device.caption.kind is DeviceKind.CHIPSET:
        notes.append("built in")
    return notes


def port_notes(bus: PciBus) -> list[str]:
    """Say what the port's content does not."""
    notes = []
    if bus.change is Change.NEW:
        notes.append("+ added")
    elif bus.change is Change.EDITED:
        notes.append("hot-plug allowed now" if bus.pluggable else "hot-plug forbidden now")
    if bus.port is PortState.TAKEN and not bus.pluggable:
        notes.append("hotplug off")
    return notes


def _titles(devices: Iterable[PciDevice]) -> list[str]:
    """List devices by title, twins once."""
    counted = Counter(device.caption.title for device in devices)
    return [title if n == 1 else f"{n} x {title}" for title, n in counted.items()]


def _many(count: int, noun: str) -> str:
    if count == 1:
        return f"1 {noun}"
    return f"{count} {noun}es" if noun.endswith("s") else f"{count} {noun}s"


def describe_look(state: PortState, change: Change) -> str:
    """Say in the legend what a box means."""
    said = {Change.NEW: "added", Change.MOVED: "moved", Change.EDITED: "changed"}
    return f"{STATES[state]}, {said[change]}" if change in said else STATES[state]
