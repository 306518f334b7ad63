# SPDX-License-Identifier: Apache-2.0
"""What stands against a pool's start, whoever holds its VFs."""

from collections.abc import Iterator
from typing import Final

from sidecar.model.vf import UNKNOWN
from sidecar.pools.rules.guard import Obstacle
from sidecar.pools.rules.situation import Situation

_SHOWN: Final = 3
"""How many devices of a group are named: a group without ACS may hold hundreds."""


def find_faults(situation: Situation) -> Iterator[Obstacle]:
    """Find what makes any start impossible."""
    view, definition = situation.view, situation.record.definition
    pf = view.pf
    if view.quarantine:
        yield quarantined(situation)
    if pf.vfs is UNKNOWN:
        yield Obstacle(f"the VFs of {pf.address} cannot be listed")
    names = () if pf.interfaces is UNKNOWN else tuple(one.name for one in pf.interfaces)
    if definition.pf_name not in names:
        found = ", ".join(names) or "no interface in this network namespace"
        yield Obstacle(
            f"{pf.address}, which was {definition.pf_name} when the pool was defined, has "
            f"{found} now: redefine the pool"
        )
    if pf.driver is None or pf.driver is UNKNOWN:
        yield Obstacle(
            f"PF {pf.address} has no driver: bind one, since only a driver can create VFs"
        )
    if view.shared_groups:
        address, others = next(iter(view.shared_groups.items()))
        yield Obstacle(
            f"the IOMMU groups of {len(view.shared_groups)} VFs are not viable (a guest can only "
            f"get a group as a whole): that of {address} also has {name_some(others)}"
        )
    if pf.iommu_group is None:
        yield Obstacle(
            f"PF {pf.address} has no IOMMU group: its VFs cannot be assigned to a guest. Enable "
            "the IOMMU in the firmware, and with intel_iommu=on on the kernel command line"
        )


def find_limits(situation: Situation) -> Iterator[Obstacle]:
    """Find what stands against the number that the pool wants."""
    wanted, pf = situation.record.definition.minimum, situation.view.pf
    if wanted is None:
        if not situation.present:
            yield Obstacle(
                f"PF {pf.address} has no VF, and the pool does not say how many VFs it wants: "
                "define it with <vf num='...'/>"
            )
        return
    if situation.present >= wanted:
        return
    if pf.totalvfs is UNKNOWN:
        yield Obstacle(f"cannot read how many VFs {pf.address} can have (sriov_totalvfs)")
    elif wanted > pf.totalvfs:
        text = f"the pool wants {wanted} VFs, and {pf.address} can have {pf.totalvfs}"
        hints = f": {' '.join(situation.hints).rstrip('.')}" if situation.hints else ""
        yield Obstacle(f"{text} (sriov_totalvfs){hints}")
    elif not situation.configures:
        yield Obstacle(
            f"the driver {pf.driver} cannot create VFs through sysfs; portside vf show "
            f"{pf.address} says how to create them"
        )
    elif situation.limit is not None and wanted > situation.limit:
        yield Obstacle(
            f"the pool wants {wanted} VFs, and the driver {pf.driver} creates at most "
            f"{situation.limit}"
        )


def find_sharers(situation: Situation) -> Iterator[Obstacle]:
    """Find the networks that would lose their VFs if these are made anew."""
    for name in situation.sharers:
        yield Obstacle(
            f"network {name} runs on the same PF and would lose its VFs: stop it first",
            f"network {name}",
        )


def quarantined(situation: Situation) -> Obstacle:
    """Say that the PF is in quarantine, and why."""
    view = situation.view
    return Obstacle(f"PF {view.pf.address} is in quarantine: {view.quarantine}")


def name_some(names: tuple[str, ...]) -> str:
    """Name the first few of many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"
