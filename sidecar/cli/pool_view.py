# SPDX-License-Identifier: Apache-2.0
"""Pools for a terminal, in text that needs no colour to be read."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sidecar.cli.availability import draw_state
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN
from sidecar.pools.list_pools import Pool
from sidecar.pools.rules.plan import Plan
from sidecar.pools.rules.status import PoolStatus, VfStatus

_NONE: Final = "-"


def draw_pools(pools: Sequence[Pool]) -> Table:
    """Return a row for each pool, in the columns of ``virsh net-list``."""
    table = _table("Name", "State", "Autostart", "PF", "VFs wanted", "Defined by")
    for one in pools:
        definition, record = one.definition, one.record
        table.add_row(
            Text(definition.name),
            "active" if one.active else "inactive",
            "yes" if record is not None and record.autostart else "no",
            Text(definition.pf_name),
            _word(definition.minimum),
            "portside" if record is not None else "others",
        )
    return table


def draw_plan(plan: Plan) -> Group:
    """Return the steps, what blocks them, and what is worth knowing."""
    lines = [Text(f"{number}. {one.text}") for number, one in enumerate(plan.steps, 1)]
    if not lines and not plan.obstacles:
        lines = [Text("Nothing to do.")]
    lines += [Text(f"Blocked by: {one}", "red") for one in plan.obstacles]
    lines += [Text(f"Note: {one}") for one in plan.notes]
    return Group(*lines)


def draw_status(states: Sequence[PoolStatus]) -> Group:
    """Return a paragraph and a table for each pool."""
    parts: list[Text | Table] = []
    for one in states:
        if parts:
            parts.append(Text(""))
        parts += list(_draw(one))
    return Group(*parts)


def _draw(status: PoolStatus) -> Iterator[Text | Table]:
    definition, view = status.record.definition, status.view
    yield Text(
        f"{definition.name}: {'active' if status.active else 'inactive'}, "
        f"PF {definition.pf_name} ({view.pf.address})",
        "bold",
    )
    yield Text(
        f"VFs: {_word(definition.minimum)} wanted, {_word(status.present)} present, "
        f"{_counts(status)}, {_word(view.pf.totalvfs)} possible"
    )
    for warning in status.warnings:
        yield Text(f"Warning: {warning}", "red")
    if status.vfs:
        table = _table("VF", "Address", "Driver", "Group", "MAC", "VLAN", "State", "Lease")
        for vf in status.vfs:
            table.add_row(*_cells(vf))
        yield table


def _cells(status: VfStatus) -> Iterator[Text]:
    vf, lease = status.vf, status.lease
    settings = status.settings or VfSettings()
    yield Text(str(vf.index))
    yield Text(str(vf.address))
    yield Text(_word(vf.driver))
    yield Text(_word(vf.iommu_group))
    yield Text(_word(settings.mac))
    yield Text(_word(settings.vlan and (settings.vlan.id or None)))
    yield draw_state(status.assessment)
    free = lease is None or lease.free
    yield Text(_NONE if free or lease is None else f"{lease.state} {lease.holder or ''}")


def _counts(status: PoolStatus) -> str:
    """Say how many VFs may be taken, and how many may not for which reason."""
    others = (f"{number} {one}" for one, number in status.counts.items() if number)
    return ", ".join(dict.fromkeys((f"{status.free} free", *others)))


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading in ("VF", "Address"))
    return table


def _word(value: object) -> str:
    if value is UNKNOWN:
        return "?"
    return _NONE if value is None else str(value)
