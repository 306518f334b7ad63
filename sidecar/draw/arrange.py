# SPDX-License-Identifier: Apache-2.0
"""Where each bus, port and device of the SVG goes: figures only, in pixels.

A bus is a bar with rows of eight boxes below it: first what is soldered to the bus, then its
ports, a row for each slot whose functions they are. Buses behind one follow below, indented.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sidecar.domainxml.caption import DeviceKind
from sidecar.domainxml.topology import Change, PciBus, PciDevice, PortState, Topology
from sidecar.draw import summary
from sidecar.draw.measure import wrap

WIDTH = 1100.0
"""Of the whole picture."""
PAD = 28.0
"""Between its edges and the buses."""
LABEL = 50.0
"""What stands to the left of a row: the slot."""
BAR = 24.0
GAP = 6.0
COLUMNS = 8
INDENT = 18.0
_DEEPEST = 6
"""Buses behind more than so many others are not indented further."""
LINE = 13.0
INSIDE = 9.0
"""From a box's left edge to its text."""
EDGE = 4.0
"""From its text to its right edge."""
_HEAD = 36.0
_FOOT = 7.0


@dataclass(frozen=True, slots=True)
class Content:
    """What a box says.

    ``kind`` is ``port``, ``device`` or ``slots``. ``corner`` and ``number`` stand in the
    upper corners: the address on the bus, and the bus behind it.
    """

    kind: str
    corner: str
    number: str
    title: str
    facts: tuple[str, ...] = ()
    state: PortState | None = None
    change: Change = Change.NONE
    accent: DeviceKind | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A port, a device, or the free slots of a bus; ``lines`` are its facts as they fit."""

    x: float
    y: float
    width: float
    height: float
    content: Content
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """The head of a bus."""

    x: float
    y: float
    width: float
    text: str
    change: Change


@dataclass(frozen=True, slots=True)
class Label:
    """The name of a row."""

    x: float
    y: float
    text: str


@dataclass(slots=True)
class Panel:
    """One domain, arranged; ``height`` is what it needs."""

    bars: list[Bar] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    height: float = 0.0


def arrange(topology: Topology, top: float = 0.0) -> Panel:
    """Arrange a domain's buses from ``top`` downwards."""
    panel = Panel(height=top)
    for root in topology.roots:
        _place_bus(panel, root, 0)
    return panel


def _place_bus(panel: Panel, bus: PciBus, depth: int) -> None:
    x = PAD + INDENT * min(depth, _DEEPEST)
    width = WIDTH - PAD - x
    panel.bars.append(Bar(x, panel.height, width, _bar_text(bus), bus.change))
    panel.height += BAR + GAP
    for label, contents in _rows(bus):
        _place_row(panel, x, width, label, contents)
    panel.height += GAP
    for behind in _buses_below(bus):
        _place_bus(panel, behind, depth + 1)


def _place_row(panel: Panel, x: float, width: float, label: str, contents: list[Content]) -> None:
    each = (width - LABEL + GAP) / COLUMNS - GAP
    room = each - INSIDE - EDGE
    texts = [
        tuple(line for fact in content.facts for line in wrap(fact, room)) for content in contents
    ]
    height = _HEAD + LINE * max(map(len, texts)) + _FOOT
    panel.labels.append(Label(x + 4, panel.height + height / 2 + 4, label))
    for column, (content, lines) in enumerate(zip(contents, texts, strict=True)):
        left = x + LABEL + column * (each + GAP)
        panel.boxes.append(Box(left, panel.height, each, height, content, lines))
    panel.height += height + GAP


def _rows(bus: PciBus) -> Iterator[tuple[str, list[Content]]]:
    """Yield the rows of a bus: what is no port, then the ports slot by slot."""
    others = [_other(item) for items in bus.slots.values() for item in items if not _is_port(item)]
    if bus.free_slots:
        title = summary.count_slots(bus)
        state = PortState.FREE if bus.pluggable else PortState.LOCKED
        others.append(Content("slots", "", "", title, state=state, change=bus.change))
    for start in range(0, len(others), COLUMNS):
        yield "" if start else "devices", others[start : start + COLUMNS]
    singles: list[Content] = []
    for slot, items in bus.slots.items():
        ports = [_port(item) for item in items if isinstance(item, PciBus) and item.port]
        if len(ports) == 1:
            singles += ports
        elif ports:
            yield f"slot {slot:02x}", ports
    for start in range(0, len(singles), COLUMNS):
        yield "" if start else "ports", singles[start : start + COLUMNS]


def _is_port(item: PciDevice | PciBus) -> bool:
    return isinstance(item, PciBus) and item.port is not None


def _buses_below(bus: PciBus) -> Iterator[PciBus]:
    """Yield the buses to draw below a bus: a port's own bus is drawn as the port's box."""
    for child in bus.buses:
        if child.port is None:
            yield child
        else:
            yield from _buses_below(child)


def _corner(item: PciDevice | PciBus) -> str:
    return f"{item.place.slot:02x}.{item.place.function}" if item.place else ""


def _other(item: PciDevice | PciBus) -> Content:
    if isinstance(item, PciBus):
        number = f"bus {item.index:02x}"
        facts = tuple(summary.port_notes(item))
        return Content(
            "device",
            _corner(item),
            number,
            summary.BRIDGES.get(item.model, item.model),
            facts,
            change=item.change,
        )
    facts = (*item.caption.facts, *summary.device_notes(item))
    return Content(
        "device",
        _corner(item),
        "",
        item.caption.title,
        facts,
        change=item.change,
        accent=item.caption.kind,
    )


def _bar_text(bus: PciBus) -> str:
    where = f", at {_corner(bus)} of bus {bus.place.bus:02x}" if bus.place else ""
    return f"bus {bus.index:02x}: {bus.model}{where}"


def _port(port: PciBus) -> Content:
    corner, number = _corner(port), f"bus {port.index:02x}"
    notes = tuple(summary.port_notes(port))
    contents = [_other(item) for items in port.slots.values() for item in items]
    if not contents:
        title = summary.STATES[port.port] if port.port else ""
        return Content("port", corner, number, title, notes, port.port, port.change)
    if len(contents) == 1:
        only = contents[0]
        behind = (f"to {only.number}",) if only.number else ()
        facts = (*behind, *only.facts, *notes)
        change = port.change if port.change is not Change.NONE else only.change
        return Content("port", corner, number, only.title, facts, port.port, change, only.accent)
    listed = tuple(f"{content.corner} {content.title}" for content in contents)
    title = f"{len(contents)} functions"
    return Content("port", corner, number, title, (*listed, *notes), port.port, port.change)
