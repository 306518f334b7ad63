# SPDX-License-Identifier: Apache-2.0
"""The SVG is well-formed, complete, and nothing in it overlaps."""

from collections import Counter
from itertools import combinations
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

from sidecar.domainxml.topology import Topology, read_topology
from sidecar.draw.arrange import INSIDE
from sidecar.draw.svg import draw_comparison_svg, draw_svg
from sidecar.errors import PortsideError
from tests.property.domains import domains
from tests.unit.draw.pictures import all_topologies, recorded_change

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = all_topologies()
CHANGE = recorded_change(
    "sriov",
    3,
    interfaces="8",
    teaming='{"vf": "standby"}',
    vfs='[{"name": "fast", "address": "0000:65:00.3"}]',
)
Rectangle = tuple[float, float, float, float]


def parse(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def has_class(element: ET.Element, name: str) -> bool:
    return name in element.get("class", "").split()


def rectangle(element: ET.Element) -> Rectangle:
    x, y, width, height = (float(element.get(k, "0")) for k in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def rectangles(root: ET.Element, name: str) -> list[Rectangle]:
    return [rectangle(e) for e in root.iter(f"{SVG}rect") if has_class(e, name)]


def overlap(one: Rectangle, other: Rectangle) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def inside(inner: Rectangle, outer: Rectangle) -> bool:
    return (
        inner[0] >= outer[0]
        and inner[1] >= outer[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


def texts(root: ET.Element) -> str:
    return " ".join("".join(e.itertext()) for e in root.iter() if e.tag != f"{SVG}style")


def check_geometry(root: ET.Element) -> None:
    (page,), panels = rectangles(root, "page"), rectangles(root, "panel")
    solids = [*rectangles(root, "box"), *rectangles(root, "bar")]
    for one, other in combinations(solids, 2):
        assert not overlap(one, other)
    assert not any(overlap(one, other) for one, other in combinations(panels, 2))
    # The legend's samples lie below the panels; everything else lies in one of them.
    legend = max(panel[3] for panel in panels)
    assert all(any(inside(s, p) for p in panels) for s in solids if s[1] < legend)
    assert all(inside(shape, page) for shape in [*solids, *panels])
    assert page == (0, 0, *(float(root.get(key, "0")) for key in ("width", "height")))
    check_lines(root)


def check_lines(root: ET.Element) -> None:
    """Each line of a box begins in it, below the one before."""
    for group in root.iter(f"{SVG}g"):
        (box,) = (rectangle(e) for e in group if has_class(e, "box"))
        lines = [e for e in group if e.tag == f"{SVG}text" and e.get("text-anchor") is None]
        heights = [float(line.get("y", "0")) for line in lines]
        assert heights == sorted(set(heights))
        assert all(box[1] < height < box[3] for height in heights)
        assert {float(line.get("x", "0")) for line in lines} == {round(box[0] + INSIDE, 3)}


def check_ports(root: ET.Element, number: int, topology: Topology) -> None:
    """Each port once, with what is on it."""
    groups = {g.get("id"): g for g in root.iter(f"{SVG}g") if g.get("id")}
    drawn = {name for name in groups if name and name.startswith(f"panel-{number}-")}
    ports = {f"panel-{number}-bus-{bus.index:02x}": bus for bus in topology.buses if bus.port}
    assert drawn == set(ports)
    for name, bus in ports.items():
        said = groups[name].findtext(f"{SVG}title", "")
        assert all(device.caption.title in said for device in bus.devices)
        (box,) = (e for e in groups[name] if has_class(e, "box"))
        assert has_class(box, str(bus.port))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_complete_and_nothing_overlaps(name: str) -> None:
    topology = PICTURES[name]
    root = parse(draw_svg(topology))
    check_geometry(root)
    check_ports(root, 0, topology)
    said = Counter(e.findtext(f"{SVG}title", "") for e in root.iter(f"{SVG}g"))
    for device in topology.devices:
        assert any(device.caption.title in title for title in said)


def test_two_states_stand_below_each_other() -> None:
    root = parse(draw_comparison_svg(CHANGE, ("Before", "After")))
    check_geometry(root)
    check_ports(root, 0, CHANGE.before)
    check_ports(root, 1, CHANGE.after)
    assert "Before: 13 ports: 9 taken, 4 free" in texts(root)
    assert "VF vf: transient of standby; no device moved" in texts(root)


def test_what_is_new_is_told_in_words_and_by_class() -> None:
    root = parse(draw_comparison_svg(CHANGE, ("Before", "After")))
    new = [g for g in root.iter(f"{SVG}g") if any(has_class(e, "new") for e in g)]
    added = CHANGE.after.ports.total - CHANGE.before.ports.total
    assert len(new) == added + 1
    assert all("+ added" in g.findtext(f"{SVG}title", "") for g in new)
    edited = [g for g in root.iter(f"{SVG}g") if any(has_class(e, "edited") for e in g)]
    assert len(edited) == 2


def test_locked_ports_are_crossed_out() -> None:
    root = parse(draw_svg(PICTURES["locked"]))
    crossed = [g.get("id") for g in root.iter(f"{SVG}g") if any(has_class(e, "cross") for e in g)]
    assert crossed == ["panel-0-bus-01"]
    assert "hotplug off" in texts(root)


def test_names_cannot_break_out() -> None:
    svg = draw_svg(PICTURES["names"])
    assert "</title>&" not in svg
    titles = [e.text or "" for e in parse(svg).iter(f"{SVG}title")]
    assert any("NIC </title>&\"']]>" in title for title in titles)


def test_it_needs_nothing_from_elsewhere() -> None:
    root = parse(draw_svg(PICTURES["sriov-final-libvirt"]))
    tags = {str(e.tag).removeprefix(SVG) for e in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "text", "g", "path"}
    style = root.findtext(f"{SVG}style", "")
    assert "url(" not in style
    assert "@import" not in style
    assert not any(key.endswith("href") for e in root.iter() for key in e.attrib)


def test_a_reader_that_cannot_see_is_told() -> None:
    root = parse(draw_svg(PICTURES["sriov-final-libvirt"]))
    assert root.get("role") == "img"
    named = {e.get("id"): e.text for e in root if e.get("id") in ("title", "desc")}
    assert named == {
        "title": "PCI tree of default_sriov: pc-q35-11.1, x86_64",
        "desc": "13 ports: 9 taken, 4 free",
    }
    assert root.get("aria-labelledby") == "title desc"


def test_dark_pages_have_every_rule_of_light_ones() -> None:
    style = parse(draw_svg(PICTURES["empty"])).findtext(f"{SVG}style", "")
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    selectors = [line.split("{")[0] for line in light.strip().splitlines()]
    assert len(selectors) > 20
    assert all(f"{selector}{{" in dark for selector in selectors)
    assert "#ffffff" in light
    assert ".page{fill:#0d1117}" in dark


@settings(max_examples=60, deadline=None)
@given(domains(machines=("q35", "q35", "pc", "virt", "pseries")))
def test_generated_domains_are_drawn_whole(xml: str) -> None:
    try:
        topology = read_topology(xml.encode())
    except PortsideError:
        return
    root = parse(draw_svg(topology))
    check_geometry(root)
    check_ports(root, 0, topology)
