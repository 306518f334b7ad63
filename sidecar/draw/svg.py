# SPDX-License-Identifier: Apache-2.0
"""The PCI tree as one self-contained SVG: no script, no font, nothing from elsewhere."""

import textwrap

from sidecar.domainxml.comparison import Comparison
from sidecar.domainxml.topology import Change, PortState, Topology
from sidecar.draw import summary
from sidecar.draw.arrange import PAD, WIDTH, arrange
from sidecar.draw.colours import style_sheet
from sidecar.draw.measure import cut
from sidecar.draw.shapes import box_classes, draw_bar, draw_box, draw_frame, tag, write

_MARGIN = 14.0
_HEAD = 48.0
"""Of a panel: its name, and what it counts."""
_HEADING = 760.0
"""Pixels of the domain's name, if it were set in a box's title."""
_SWATCH = 22.0
_CHARACTER = 6.2
"""Width of a character of the legend."""
_COLUMNS = 150
"""Characters of a line below the panels."""
_Look = tuple[PortState, Change]


def draw_svg(topology: Topology) -> str:
    """Draw one domain."""
    picture = _Picture(topology)
    picture.add(topology, "")
    return picture.finish([summary.summarize(topology)])


def draw_comparison_svg(comparison: Comparison, titles: tuple[str, str]) -> str:
    """Draw two states of one domain, the later one below the other."""
    picture = _Picture(comparison.after)
    summaries = []
    for topology, title in zip((comparison.before, comparison.after), titles, strict=True):
        picture.add(topology, title)
        summaries.append(f"{title}: {summary.summarize(topology)}")
    change = f"Change: {summary.summarize_changes(comparison)}"
    picture.note(change)
    return picture.finish([*summaries, change])


class _Picture:
    """Grows downwards."""

    def __init__(self, topology: Topology) -> None:
        self._name = summary.describe_machine(topology)
        self._parts = [write("heading", _MARGIN, 28, cut(self._name, _HEADING))]
        self._bottom = 42.0
        self._panels = 0
        self._looks: set[_Look] = set()

    def add(self, topology: Topology, title: str) -> None:
        """Add a domain in a panel of its own."""
        top = self._bottom
        guesses = summary.describe_guesses(topology)
        panel = arrange(topology, top + (_HEAD if guesses else _HEAD - 14))
        height = panel.height - top + 4
        line = summary.summarize(topology)
        line = f"{title}: {line}" if title else line
        self._parts += [
            draw_frame("panel", _MARGIN, top, WIDTH - 2 * _MARGIN, height),
            write("name", PAD, top + 22, line),
            write("note", PAD, top + 38, guesses),
        ]
        for bar in panel.bars:
            self._parts += draw_bar(bar)
        self._parts += [write("label", e.x, e.y, e.text) for e in panel.labels]
        for box in panel.boxes:
            content, number = box.content, box.content.number.replace(" ", "-")
            identity = f"panel-{self._panels}-{number}" if content.kind == "port" else ""
            self._parts += draw_box(box, identity)
            if content.state is not None:
                self._looks.add((content.state, content.change))
        self._bottom += height + _MARGIN
        self._panels += 1

    def note(self, text: str) -> None:
        """Add text below the panels."""
        for line in textwrap.wrap(text, _COLUMNS):
            self._parts.append(write("summary", _MARGIN, self._bottom + 6, line))
            self._bottom += 17
        self._bottom += 7

    def finish(self, description: list[str]) -> str:
        """Add the legend and write the document."""
        if self._looks:
            self._legend()
        box = f"0 0 {WIDTH:.6g} {self._bottom:.6g}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{WIDTH:.6g}" '
            f'height="{self._bottom:.6g}" role="img" aria-labelledby="title desc">'
        )
        lines = [
            head,
            tag("title", text=f"PCI tree of {self._name}", id="title"),
            tag("desc", text=". ".join(description), id="desc"),
            f"<style>{style_sheet()}</style>",
            draw_frame("page", 0, 0, WIDTH, self._bottom),
            *(part for part in self._parts if part),
            "</svg>",
        ]
        return "\n".join(lines) + "\n"

    def _legend(self) -> None:
        x, y = _MARGIN, self._bottom
        order = list(PortState), list(Change)
        looks = sorted(self._looks, key=lambda e: (order[0].index(e[0]), order[1].index(e[1])))
        for state, change in looks:
            classes = box_classes("port", state, change)
            meaning = summary.describe_look(state, change)
            width = _SWATCH + 26 + len(meaning) * _CHARACTER
            if x + width > WIDTH - _MARGIN:
                x, y = _MARGIN, y + 22
            self._parts += [
                tag("rect", classes, x=x, y=y, width=_SWATCH, height=13, rx=3),
                write("note", x + _SWATCH + 6, y + 11, meaning),
            ]
            x += width
        self._bottom = y + 28
