# SPDX-License-Identifier: Apache-2.0
"""Leases for a terminal and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sidecar.cli.availability import (
    STYLES,
    describe_assessment,
    draw_evidence,
    with_unknown,
)
from sidecar.cli.pool_data import describe_settings
from sidecar.cli.vf_settings import say_settings
from sidecar.model.availability import Assessment
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.vf import UNKNOWN, Unknown, VirtualFunction
from sidecar.pools.clear_leases import ListedLease
from sidecar.pools.rules.availability import assess, weigh_lease
from sidecar.pools.rules.clearable import LeaseView

_NONE: Final = "-"
_NO_MORE: Final[Mapping[str, Any]] = {}
_HEADINGS: Final = ("PF", "VF", "Address", "State", "Holder", "Pool", "Generation", "Time")
_WHOLE: Final = ("PF", "VF", "Address", "State")


def draw_leases(leases: Sequence[ListedLease]) -> Group:
    """Return a row for each lease, and below them why some are to be inspected."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
    for one in leases:
        table.add_row(*_cells(one))
    reasons = [
        Text(f"VF {one.lease.index} of {one.lease.pf} needs inspection: {one.lease.reason}")
        for one in leases
        if one.lease.state is LeaseState.INSPECT
    ]
    return Group(table, *reasons)


def draw_lease(view: LeaseView) -> Group:
    """Return a line for each trait of a lease, and for each signal of its VF."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _lines(view):
        table.add_row(Text(f"{name}:", style="bold"), value)
    return Group(table)


def describe_leases(leases: Sequence[ListedLease]) -> list[dict[str, Any]]:
    """Return what ``lease list -o json`` prints."""
    return [_describe(one.lease, one.vf, one.assessment) for one in leases]


def describe_lease(view: LeaseView) -> dict[str, Any]:
    """Return what ``lease show -o json`` prints."""
    return _describe(
        view.lease,
        view.vf,
        view.assessment,
        {
            "quarantine": view.quarantine or None,
            "promised": UNKNOWN if view.unasked else view.promised or None,
        },
        view.unasked,
    )


def _describe(
    lease: Lease,
    vf: VirtualFunction | Unknown | None,
    assessment: Assessment | None,
    more: Mapping[str, Any] = _NO_MORE,
    unasked: str = "",
) -> dict[str, Any]:
    data = {
        "pf": str(lease.pf),
        "index": lease.index,
        "address": str(vf.address) if isinstance(vf, VirtualFunction) else vf,
        "state": lease.state,
        "holder": None if lease.holder is None else asdict(lease.holder),
        "pool": lease.pool or None,
        "generation": lease.generation,
        "time": lease.time or None,
        "reason": lease.reason or None,
        "settings": describe_settings(lease.settings),
        **more,
    }
    reasons = {
        "address": f"the VFs of {lease.pf} cannot be listed",
        "promised": f"cannot query libvirt: {unasked}",
    }
    return with_unknown(data, reasons) | describe_assessment(assessment)


def _cells(one: ListedLease) -> Iterator[Text]:
    lease = one.lease
    yield Text(str(lease.pf))
    yield Text(str(lease.index))
    yield Text(_address(one.vf))
    yield _state(lease, one.assessment)
    yield Text(str(lease.holder or _NONE))
    yield Text(lease.pool or _NONE)
    yield Text(str(lease.generation))
    yield Text(lease.time.replace("T", " ") or _NONE)  # to be broken between date and time


def _lines(view: LeaseView) -> Iterator[tuple[str, Text]]:
    lease, holder = view.lease, view.lease.holder
    yield "VF", Text(f"{lease.index} of {lease.pf}")
    yield "Address", Text(_address(view.vf))
    state = _state(lease, view.assessment)
    yield "State", state.append(f": {lease.reason}", "none") if lease.reason else state
    yield "Lease", Text(lease.state)
    uid = f" ({holder.uid})" if holder is not None and holder.uid else ""
    yield "Holder", Text(f"{holder or _NONE}{uid}")
    yield "Pool", Text(lease.pool or _NONE)
    yield "Generation", Text(str(lease.generation))
    yield "Time", Text(lease.time or _NONE)
    for name, value in say_settings(lease.settings).items():
        if value != _NONE:
            yield name, Text(value)
    if view.quarantine:
        yield "Quarantine", Text(view.quarantine, "red")
    if view.assessment is not None:
        yield from draw_evidence(view.assessment)
    elif view.promised:
        yield "Named by", Text(f"domain {view.promised}")


def _state(lease: Lease, assessment: Assessment | None) -> Text:
    """Say whether the VF may be taken; of one that is not there, what its record says."""
    seen = assess([weigh_lease(lease)]) if assessment is None else assessment
    if assessment is None and lease.free:
        return Text(_NONE)
    return Text(seen.availability, STYLES[seen.availability])


def _address(vf: VirtualFunction | Unknown | None) -> str:
    if vf is UNKNOWN:
        return "?"
    return "not there" if vf is None else str(vf.address)
