# SPDX-License-Identifier: Apache-2.0
"""An inventory for a terminal, in text that needs no colour to be read."""

from collections.abc import Iterator
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from sidecar.cli.availability import STYLES, draw_evidence, draw_state
from sidecar.host.detail import Detail
from sidecar.host.pciids import PciNames
from sidecar.model.vf import (
    UNKNOWN,
    NetInterface,
    PhysicalFunction,
    VirtualFunction,
)
from sidecar.pools.observe import HostView

_NONE: Final = "-"
_UNKNOWN: Final = "?"
_HEADINGS: Final = ("Address", "VF", "ID", "Interface", "Driver", "Link", "Group", "NUMA", "State")
_WHOLE: Final = ("Address", "VF", "ID", "Group", "NUMA")
_NUMBERS: Final = ("VF", "Group", "NUMA")


def draw_table(view: HostView) -> Group:
    """Return a row for each PF and VF; only texts of open length go over several lines."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in _HEADINGS:
        table.add_column(
            heading,
            justify="right" if heading in _NUMBERS else "left",
            no_wrap=heading in _WHOLE,
            overflow="fold",
        )
    for pf in view.inventory.pfs:
        table.add_row(*_cells(pf, "PF"), Text(_count(pf)))
        for vf in () if pf.vfs is UNKNOWN else pf.vfs:
            table.add_row(*_cells(vf, str(vf.index)), draw_state(view.assessments[vf.address]))
    return Group(table, *_doubts(view))


def draw_tree(view: HostView, names: PciNames) -> Group:
    """Return a tree for each PF, with its VFs and their users."""
    trees = []
    for pf in view.inventory.pfs:
        tree = Tree(Text(f"{pf.address} {_device(pf, names)}"))
        tree.add(Text(f"{_traits(pf)}, {_count(pf)}"))
        for vf in () if pf.vfs is UNKNOWN else pf.vfs:
            seen = view.assessments[vf.address]
            label = Text(f"VF {vf.index} {vf.address} {_traits(vf)}, ")
            branch = tree.add(label.append(seen.availability, STYLES[seen.availability]))
            for user in seen.users:
                branch.add(Text(user))
        trees.append(tree)
    return Group(*trees, *_doubts(view))


def draw_detail(detail: Detail, view: HostView, names: PciNames) -> Group:
    """Return a line for each trait, then the evidence of use or the hints on the driver."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(detail, view, names):
        table.add_row(Text(f"{name}:", style="bold"), value)
    return Group(table)


def _lines(detail: Detail, view: HostView, names: PciNames) -> Iterator[tuple[str, Text]]:
    function = detail.function
    yield "Address", Text(str(function.address))
    if isinstance(function, VirtualFunction):
        yield "Type", Text(f"VF {function.index} of PF {function.physfn}")
    else:
        yield "Type", Text("PF")
    yield "Device", Text(_device(function, names))
    yield "Driver", Text(_word(function.driver))
    yield "Driver override", Text(_word(detail.driver_override))
    yield "IOMMU group", Text(_word(function.iommu_group))
    yield "NUMA node", Text(_word(function.numa_node))
    yield from _interface_lines(function)
    if isinstance(function, VirtualFunction):
        yield "Enable count", Text(_word(function.enabled))
    else:
        yield "VFs", Text(f"{_word(function.numvfs)} present, {_word(function.totalvfs)} possible")
    if isinstance(function, VirtualFunction):
        seen = view.assessments[function.address]
        yield "State", draw_state(seen)
        yield from draw_evidence(seen)
    for hint in detail.hints:
        yield "Hint", Text(hint)


def _interface_lines(
    function: PhysicalFunction | VirtualFunction,
) -> Iterator[tuple[str, Text]]:
    if function.interfaces is UNKNOWN:
        yield "Interface", Text(_UNKNOWN)
    elif not function.interfaces:
        yield "Interface", Text("none in this network namespace")
    else:
        for interface in function.interfaces:
            yield "Interface", Text(_describe_interface(interface))


def _describe_interface(interface: NetInterface) -> str:
    wanted = _UNKNOWN if interface.up is UNKNOWN else "up" if interface.up else "down"
    text = f"{interface.name}: set {wanted}, link {_word(interface.operstate)}"
    if interface.master is not None:
        text += f", belongs to {_word(interface.master)}"
    return text


def _cells(function: PhysicalFunction | VirtualFunction, index: str) -> list[Text]:
    interfaces = function.interfaces
    names, links = _UNKNOWN, _UNKNOWN
    if interfaces is not UNKNOWN:
        names = " ".join(one.name for one in interfaces) or _NONE
        links = " ".join(_word(one.operstate) for one in interfaces) or _NONE
    cells = [
        str(function.address),
        index,
        _word(function.identity),
        names,
        _word(function.driver),
        links,
        _word(function.iommu_group),
        _word(function.numa_node),
    ]
    return [Text(cell) for cell in cells]


def _traits(function: PhysicalFunction | VirtualFunction) -> str:
    """Return driver and interfaces with their links, as far as there are any."""
    driver = "no driver" if function.driver is None else f"driver {_word(function.driver)}"
    if function.interfaces is UNKNOWN:
        return f"{driver}, interfaces unknown"
    return ", ".join(
        [driver, *(f"{one.name} {_word(one.operstate)}" for one in function.interfaces)]
    )


def _device(function: PhysicalFunction | VirtualFunction, names: PciNames) -> str:
    if function.identity is UNKNOWN:
        return _UNKNOWN
    name = names.name(function.identity)
    return f"{function.identity} {name}" if name else str(function.identity)


def _count(pf: PhysicalFunction) -> str:
    return f"{_word(pf.numvfs)} of {_word(pf.totalvfs)} VFs"


def _doubts(view: HostView) -> Iterator[Text]:
    """Say why no VF can be told to be free, where that is so for all of them."""
    if view.guests.unknown:
        yield Text(f"cannot query libvirt: {view.guests.unknown}")
        yield Text("On a host without libvirt, use --connect none")
    if view.error:
        yield Text(f"Portside's records cannot be read: {view.error}")


def _word(value: object) -> str:
    if value is UNKNOWN:
        return _UNKNOWN
    return _NONE if value is None else str(value)
