# SPDX-License-Identifier: Apache-2.0
"""The branches of the terminal's tree: slots, ports, and what they hold."""

from dataclasses import dataclass

from rich.text import Text
from rich.tree import Tree

from sidecar.domainxml.caption import DeviceKind
from sidecar.domainxml.topology import Change, PciBus, PciDevice, PortState
from sidecar.draw import summary


@dataclass(frozen=True, slots=True)
class Symbols:
    """One character for each state of a port; ``added`` is free, and new."""

    taken: str
    free: str
    added: str
    held: str
    locked: str

    def of(self, bus: PciBus) -> tuple[str, str]:
        """Return symbol and style of a port."""
        if bus.port is PortState.FREE and bus.change is Change.NEW:
            return self.added, "bold green"
        match bus.port:
            case PortState.FREE:
                return self.free, "cyan"
            case PortState.HELD:
                return self.held, "yellow"
            case PortState.LOCKED:
                return self.locked, "red"
        return self.taken, ""


UNICODE = Symbols("■", "□", "⊞", "◪", "⊠")
ASCII = Symbols("#", ".", "+", "~", "x")
_KINDS = {DeviceKind.NIC: "blue", DeviceKind.VF: "magenta", DeviceKind.CHIPSET: "dim"}
_CHANGES = {Change.NEW: "bold green", Change.MOVED: "bold red", Change.EDITED: "bold yellow"}

Item = PciDevice | PciBus


def grow(bus: PciBus, symbols: Symbols) -> Tree:
    """Draw a host bridge and everything behind it."""
    tree = Tree(_bus_line(bus), guide_style="dim")
    _Branches(symbols).fill(tree, bus)
    return tree


class _Branches:
    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols

    def fill(self, tree: Tree, bus: PciBus) -> None:
        """Add what sits on a bus, slot by slot."""
        for slot, items in bus.slots.items():
            ports = [item for item in items if isinstance(item, PciBus) and item.port]
            if len(ports) == len(items) > 1:
                self._ports(tree, slot, ports)
                continue
            for item in items:
                self._item(tree, item)

    def _ports(self, tree: Tree, slot: int, ports: list[PciBus]) -> None:
        """Add the ports that share a slot; empty neighbours share a line."""
        picture = Text.assemble(*(self._symbols.of(port) for port in ports))
        line = Text.assemble(f"{slot:02x}    ", picture)
        runs = _runs(ports)
        if len(runs) == 1:
            tree.add(line.append(f" {_numbers(ports)}").append_text(_empty(ports)))
            return
        branch = tree.add(line.append(f"  {len(ports)} ports"))
        for run in runs:
            where = "-".join(str(port.place.function) for port in _ends(run) if port.place)
            self._port(branch, run, f".{where}")

    def _item(self, tree: Tree, item: Item) -> None:
        where = f"{item.place.slot:02x}.{item.place.function}" if item.place else ""
        if isinstance(item, PciDevice):
            tree.add(Text.assemble(f"{where}  ", _device(item)))
        elif item.port:
            self._port(tree, [item], where)
        else:
            self.fill(tree.add(Text.assemble(f"{where}  ", _bus_line(item))), item)

    def _port(self, tree: Tree, run: list[PciBus], where: str) -> None:
        """Add a port and what is on it, or several that are empty."""
        port = run[0]
        line = Text.assemble(f"{where} ", self._symbols.of(port), f" {_numbers(run)}")
        if port.port in {PortState.FREE, PortState.LOCKED}:
            tree.add(line.append_text(_empty(run)))
            return
        if not port.buses and len(port.devices) == 1:
            line.append("  ").append_text(_device(port.devices[0]))
            tree.add(line.append_text(_notes(port)))
        elif not port.devices and len(port.buses) == 1:
            line.append("  ").append_text(_bus_line(port.buses[0])).append_text(_notes(port))
            self.fill(tree.add(line), port.buses[0])
        else:
            count = len(port.devices) + len(port.buses)
            line.append(f"  {count} functions").append_text(_notes(port))
            self.fill(tree.add(line), port)


def _runs(ports: list[PciBus]) -> list[list[PciBus]]:
    """Put empty ports of consecutive numbers together, where they are all alike."""
    runs: list[list[PciBus]] = []
    for port in ports:
        last = runs[-1][-1] if runs else None
        if (
            last is not None
            and port.port in {PortState.FREE, PortState.LOCKED}
            and (last.port, last.change, last.index + 1) == (port.port, port.change, port.index)
        ):
            runs[-1].append(port)
        else:
            runs.append([port])
    return runs


def _ends(run: list[PciBus]) -> list[PciBus]:
    return [run[0], run[-1]] if len(run) > 1 else run


def _numbers(run: list[PciBus]) -> str:
    return "-".join(f"{bus.index:02x}" for bus in _ends(run))


def _empty(run: list[PciBus]) -> Text:
    port = run[0]
    count = f"{len(run)} " if len(run) > 1 else ""
    state = summary.STATES[port.port] if port.port else ""
    return Text(f"  {count}{state}", style="dim").append_text(_notes(port))


def _notes(port: PciBus) -> Text:
    text = Text()
    for note in summary.port_notes(port):
        text.append(f"  {note}", style=_CHANGES.get(port.change, "red"))
    return text


def _device(device: PciDevice) -> Text:
    caption = device.caption
    text = Text(caption.title, style=_KINDS.get(caption.kind, ""))
    for fact in caption.facts:
        text.append(f"  {fact}", style="dim")
    for note in summary.device_notes(device):
        text.append(f"  {note}", style=_CHANGES.get(device.change, "dim"))
    return text


def _bus_line(bus: PciBus) -> Text:
    text = Text.assemble((f"bus {bus.index:02x}", "bold"), f"  {bus.model}")
    if bus.free_slots:
        text.append(f"  {summary.count_slots(bus)}", style="cyan" if bus.pluggable else "dim")
    return text if bus.port else text.append_text(_notes(bus))
