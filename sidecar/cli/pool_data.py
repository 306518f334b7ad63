# SPDX-License-Identifier: Apache-2.0
"""Pools as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN
from sidecar.pools.list_pools import Pool
from sidecar.pools.rules.plan import Plan
from sidecar.pools.rules.status import PoolStatus, VfStatus


def describe_pools(pools: Sequence[Pool]) -> list[dict[str, Any]]:
    """Return what ``pool list -o json`` prints."""
    return [
        {
            "name": one.definition.name,
            "pf": one.definition.pf_name,
            "minimum": one.definition.minimum,
            "active": one.active,
            "autostart": one.record is not None and one.record.autostart,
            "portside": one.record is not None,
        }
        for one in pools
    ]


def describe_plan(plan: Plan) -> dict[str, Any]:
    """Return what ``pool plan -o json`` prints."""
    return {
        "steps": [{"kind": one.kind, "text": one.text} for one in plan.steps],
        "obstacles": [{"text": one.text, "who": one.who} for one in plan.obstacles],
        "notes": list(plan.notes),
    }


def describe_status(states: Sequence[PoolStatus]) -> list[dict[str, Any]]:
    """Return what ``pool status -o json`` prints."""
    return [_describe(one) for one in states]


def _describe(status: PoolStatus) -> dict[str, Any]:
    definition, view = status.record.definition, status.view
    return {
        "name": definition.name,
        "pf": str(view.pf.address),
        "interface": definition.pf_name,
        "active": status.active,
        "autostart": status.record.autostart,
        "up": view.up,
        "minimum": definition.minimum,
        "total": _word(view.pf.totalvfs),
        "present": status.present,
        "free": status.free,
        "held": status.held,
        "made_by_portside": view.record.made if view.record.boot == view.boot else 0,
        "quarantine": view.quarantine,
        "warnings": list(status.warnings),
        "vfs": [_describe_vf(one) for one in status.vfs],
    }


def _describe_vf(status: VfStatus) -> dict[str, Any]:
    lease = status.lease
    return {
        "index": status.vf.index,
        "address": str(status.vf.address),
        "driver": _word(status.vf.driver),
        "iommu_group": _word(status.vf.iommu_group),
        "verdict": status.usage.verdict,
        "users": list(status.usage.users),
        "evidence": [
            {"source": one.source, "verdict": one.verdict, "text": one.text}
            for one in status.usage.evidence
        ],
        "lease": None
        if lease is None
        else {
            "state": lease.state,
            "holder": None if lease.holder is None else asdict(lease.holder),
            "generation": lease.generation,
            "time": lease.time,
            "reason": lease.reason,
        },
        "settings": None if status.settings is None else describe_settings(status.settings),
    }


def describe_settings(settings: VfSettings) -> dict[str, Any]:
    """Return a VF's settings as JSON; ``None`` is what the PF does not tell."""
    return {
        **asdict(settings),
        "mac": None if settings.mac is None else str(settings.mac),
    }


def _word(value: object) -> object:
    return "unknown" if value is UNKNOWN else value
