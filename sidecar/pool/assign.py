# SPDX-License-Identifier: Apache-2.0
"""What is to be done with a VF that a VM names, when the VM starts."""

from dataclasses import replace
from enum import Enum

from sidecar.model.availability import Assessment, Availability, Source
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.pool import PfView
from sidecar.model.settings import VfSettings
from sidecar.model.vf import VirtualFunction
from sidecar.pool.availability import without


class Assign(Enum):
    """What is to be done."""

    TAKE = "take"
    """It may be taken, or is leased to its holder already and not in use: (again) to be set."""
    KEEP = "keep"
    """Its holder has it in use already: nothing."""
    REFUSE = "refuse"


def decide_assign(view: PfView, vf: VirtualFunction, holder: Holder) -> tuple[Assign, Assessment]:
    """Decide for one VF, whose PF is locked.

    The call is repeated while the VM runs. That who has the VF in use is its holder is taken for
    granted; and a domain's configuration does not take a VF from who has its lease already.

    Returns:
        what to do, and what that rests on: the holder's own lease does not stand against it.
    """
    seen = view.assess(vf)
    lease = view.leases.get(vf.index)
    if lease is not None and lease.holder == holder:
        seen = without(seen, Source.LEASES, Source.CONFIGURATIONS)
        doubtful = seen.availability in {Availability.IN_USE, Availability.UNKNOWN}
        if lease.state is LeaseState.LEASED and doubtful:
            return Assign.KEEP, seen
    return (Assign.TAKE if seen.free else Assign.REFUSE), seen


def is_settled(lease: Lease | None, settings: VfSettings, pool: str) -> bool:
    """Tell whether a VF is leased already, of that pool and with just these settings."""
    return (
        lease is not None
        and lease.state is LeaseState.LEASED
        and replace(lease, settings=settings, pool=pool) == lease
    )
