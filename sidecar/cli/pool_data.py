# SPDX-License-Identifier: Apache-2.0
"""Pools as JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sidecar.cli.availability import describe_assessment, with_unknown
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN
from sidecar.pools.list_pools import Pool
from sidecar.pools.rules.plan import Plan
from sidecar.pools.rules.status import PoolStatus, VfStatus

_UNREADABLE: Final = {
    "total": "sriov_totalvfs cannot be read",
    "present": "the links virtfn cannot be read",
    "vfs": "the links virtfn cannot be read",
    "up": "the PF has no interface, or its state cannot be read",
    "driver": "the link driver cannot be read",
    "iommu_group": "the link iommu_group cannot be read",
    "settings": "the PF does not report them",
}
"""By key, what could not be read."""


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
    data = {
        "name": definition.name,
        "pf": str(view.pf.address),
        "interface": definition.pf_name,
        "active": status.active,
        "autostart": status.record.autostart,
        "up": UNKNOWN if view.up is None else view.up,
        "minimum": definition.minimum,
        "total": view.pf.totalvfs,
        "present": UNKNOWN if status.present is None else status.present,
        "free": status.free,
        "counts": status.counts,
        "made_by_portside": view.record.made if view.record.boot == view.boot else 0,
        "quarantine": view.quarantine,
        "warnings": list(status.warnings),
        "vfs": UNKNOWN if status.present is None else [_describe_vf(one) for one in status.vfs],
    }
    return with_unknown(data, _UNREADABLE)


def _describe_vf(status: VfStatus) -> dict[str, Any]:
    lease = status.lease
    data = {
        "index": status.vf.index,
        "address": str(status.vf.address),
        "driver": status.vf.driver,
        "iommu_group": status.vf.iommu_group,
        "lease": None
        if lease is None
        else {
            "state": lease.state,
            "holder": None if lease.holder is None else asdict(lease.holder),
            "generation": lease.generation,
            "time": lease.time,
            "reason": lease.reason,
        },
        "settings": UNKNOWN if status.settings is None else describe_settings(status.settings),
    }
    return with_unknown(data, _UNREADABLE) | describe_assessment(status.assessment)


def describe_settings(settings: VfSettings) -> dict[str, Any]:
    """Return a VF's settings as JSON; ``None`` is what the PF does not tell."""
    return {
        **asdict(settings),
        "mac": None if settings.mac is None else str(settings.mac),
    }
