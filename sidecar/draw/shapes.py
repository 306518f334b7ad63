# SPDX-License-Identifier: Apache-2.0
"""The SVG's shapes as text; everything that comes from a domain is escaped here."""

from collections.abc import Iterator
from html import escape

from sidecar.domainxml.topology import Change, PortState
from sidecar.draw.arrange import BAR, EDGE, INSIDE, LINE, Bar, Box
from sidecar.draw.measure import cut


def tag(name: str, classes: str = "", text: str = "", **attributes: float | str) -> str:
    """Write an element; text and attribute values are escaped, underscores become dashes."""
    shown = {"class": classes, **attributes} if classes else attributes
    head = "".join(
        f' {key.replace("_", "-")}="{escape(_number(value))}"' for key, value in shown.items()
    )
    return f"<{name}{head}>{escape(text)}</{name}>" if text else f"<{name}{head}/>"


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def write(classes: str, x: float, y: float, text: str) -> str:
    """Write a line of text; its left end is at ``x``."""
    return tag("text", classes, text, x=x, y=y)


def write_right(classes: str, x: float, y: float, text: str) -> str:
    """Write a line of text; its right end is at ``x``."""
    return tag("text", classes, text, x=x, y=y, text_anchor="end")


def draw_frame(classes: str, x: float, y: float, width: float, height: float) -> str:
    """Draw what lies behind everything else."""
    return tag("rect", classes, x=x, y=y, width=width, height=height, rx=8)


def draw_bar(bar: Bar) -> Iterator[str]:
    """Draw the head of a bus."""
    yield tag("rect", f"bar {bar.change}", x=bar.x, y=bar.y, width=bar.width, height=BAR, rx=4)
    text = f"{bar.text}   + added" if bar.change is Change.NEW else bar.text
    yield write("on-bar", bar.x + 10, bar.y + BAR / 2 + 4, text)


def draw_box(box: Box, identity: str) -> Iterator[str]:
    """Draw a box; a reader that cannot see it gets all its text as a title."""
    content = box.content
    look = box_classes(content.kind, content.state, content.change)
    yield f'<g id="{escape(identity)}">' if identity else "<g>"
    words = (content.corner, content.number, content.title, *content.facts)
    yield tag("title", text=" ".join(word for word in words if word))
    yield tag("rect", look, x=box.x, y=box.y, width=box.width, height=box.height, rx=4)
    if content.state is PortState.LOCKED:
        yield tag("path", "cross", d=_cross(box))
    if content.accent is not None:
        inner = box.height - 8
        yield tag(
            "rect", f"accent {content.accent}", x=box.x + 3, y=box.y + 4, width=3, height=inner
        )
    left = box.x + INSIDE
    yield write("small", left, box.y + 13, content.corner)
    yield write_right("small", box.x + box.width - 6, box.y + 13, content.number)
    title = cut(content.title, box.width - INSIDE - EDGE)
    yield write(look.replace("box", "title"), left, box.y + 29, title)
    for row, line in enumerate(box.lines, start=1):
        classes = "small change" if line.startswith("+ ") else "small"
        yield write(classes, left, box.y + 29 + LINE * row, line)
    yield "</g>"


def box_classes(kind: str, state: PortState | None, change: Change) -> str:
    """Name the look of a box."""
    return " ".join(name for name in ("box", kind, state or "", change) if name)


def _cross(box: Box) -> str:
    right, bottom = _number(box.x + box.width), _number(box.y + box.height)
    x, y = _number(box.x), _number(box.y)
    return f"M{x} {y}L{right} {bottom}M{right} {y}L{x} {bottom}"
