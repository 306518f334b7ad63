# SPDX-License-Identifier: Apache-2.0
"""Leases for a terminal and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sidecar.cli.pool_data import describe_settings
from sidecar.cli.vf_settings import say_settings
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.vf import UNKNOWN, Unknown, Verdict, VirtualFunction
from sidecar.pools.clear_leases import ListedLease
from sidecar.pools.rules.clearable import LeaseView

_NONE: Final = "-"
_HEADINGS: Final = ("PF", "VF", "Address", "State", "Holder", "Pool", "Generation", "Time")
_WHOLE: Final = ("PF", "VF", "Address", "State")
_STYLES: Final = {Verdict.FREE: "green", Verdict.IN_USE: "yellow", Verdict.UNKNOWN: "red"}


def draw_leases(leases: Sequence[ListedLease]) -> Group:
    """Return a row for each lease, and below them why some are to be inspected."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold", no_wrap=heading in _WHOLE)
    for one in leases:
        table.add_row(*_cells(one))
    reasons = [
        Text(f"VF {one.lease.index} of {one.lease.pf} is to be inspected: {one.lease.reason}")
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
    return [_describe(one.lease, one.vf) for one in leases]


def describe_lease(view: LeaseView) -> dict[str, Any]:
    """Return what ``lease show -o json`` prints."""
    evidence = () if view.usage is None else view.usage.evidence
    return {
        **_describe(view.lease, view.vf),
        "quarantine": view.quarantine,
        "promised": "unknown" if view.promised is UNKNOWN else view.promised or None,
        "evidence": [
            {"source": one.source, "verdict": one.verdict, "text": one.text} for one in evidence
        ],
    }


def _describe(lease: Lease, vf: VirtualFunction | Unknown | None) -> dict[str, Any]:
    return {
        "pf": str(lease.pf),
        "index": lease.index,
        "address": "unknown" if vf is UNKNOWN else None if vf is None else str(vf.address),
        "state": lease.state,
        "holder": None if lease.holder is None else asdict(lease.holder),
        "pool": lease.pool or None,
        "generation": lease.generation,
        "time": lease.time or None,
        "reason": lease.reason or None,
        "settings": describe_settings(lease.settings),
    }


def _cells(one: ListedLease) -> Iterator[Text]:
    lease = one.lease
    yield Text(str(lease.pf))
    yield Text(str(lease.index))
    yield Text(_address(one.vf))
    yield Text(lease.state, "red" if lease.state is LeaseState.INSPECT else "")
    yield Text(str(lease.holder or _NONE))
    yield Text(lease.pool or _NONE)
    yield Text(str(lease.generation))
    yield Text(lease.time.replace("T", " ") or _NONE)  # to be broken between date and time


def _lines(view: LeaseView) -> Iterator[tuple[str, Text]]:
    lease, holder = view.lease, view.lease.holder
    yield "VF", Text(f"{lease.index} of {lease.pf}")
    yield "Address", Text(_address(view.vf))
    yield "State", Text(f"{lease.state}: {lease.reason}" if lease.reason else lease.state)
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
    if view.promised:
        unknown = view.promised is UNKNOWN
        yield "Named by", Text("libvirt cannot be asked" if unknown else f"domain {view.promised}")
    for one in () if view.usage is None else view.usage.evidence:
        yield one.source.capitalize(), Text(f"{one.verdict}: {one.text}", _STYLES[one.verdict])


def _address(vf: VirtualFunction | Unknown | None) -> str:
    if vf is UNKNOWN:
        return "?"
    return "not there" if vf is None else str(vf.address)
