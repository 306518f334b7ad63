# SPDX-License-Identifier: Apache-2.0
"""Why a VMI does not get its VFs, in words that name what stands against it."""

from sidecar.agent.vf_requests import Wish
from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.availability import Assessment, Availability, Source
from sidecar.model.lease import Lease
from sidecar.model.pool import PfView, PoolRecord
from sidecar.model.vf import VirtualFunction


def check_quarantine(view: PfView, wish: Wish | None) -> None:
    """Refuse to touch a PF in quarantine.

    Raises:
        HostError: it is.
    """
    if view.quarantine:
        pf = view.pf.address
        raise HostError(
            "the PF is in quarantine: Portside changes nothing on it",
            where=str(pf) if wish is None else f"{wish.where}, PF {pf}",
            found=view.quarantine,
            todo="portside pool status shows why; until then, run the VM on another node",
        )


def check_pool(record: PoolRecord | None, vf: VirtualFunction, wish: Wish) -> None:
    """Refuse a VF that was allocated from a pool it does not belong to; others' pools pass.

    Raises:
        RequestError: it does not.
    """
    if record is not None and record.pf != vf.physfn:
        raise RequestError(
            f"the VF does not belong to pool {wish.pool}",
            where=wish.where,
            found=f"VF {vf.index} ({vf.address}) of PF {vf.physfn}",
            expected=f"a VF of {record.pf} ({record.definition.pf_name})",
        )


def not_free(
    seen: Assessment, lease: Lease | None, vf: VirtualFunction, wish: Wish
) -> CapacityError:
    """Return the refusal for a VF that may not be taken.

    Args:
        seen: of the VF.
        lease: of the VF, ``None`` if there is none.
        vf: the VF.
        wish: the entry that names it.
    """
    owned = any(one.source is Source.LEASES for one in seen.obstacles) and lease is not None
    since = f", {lease.state} since {lease.time}" if owned and lease is not None else ""
    owner = None if lease is None else lease.holder
    state = f"belongs to {owner or 'an unknown holder'}" if owned else _state(seen)
    return CapacityError(
        f"VF {vf.index} of PF {vf.physfn} {state}",
        where=wish.where,
        found=f"{vf.address}{since}: {seen.why}",
        expected="a free VF",
        todo=f"portside lease show {vf.address} shows everything known about it",
    )


def _state(seen: Assessment) -> str:
    users = ", ".join(seen.users)
    match seen.availability:
        case Availability.IN_USE:
            return f"is in use by {users or 'an unknown user'}"
        case Availability.UNKNOWN:
            return "is not proven free"
        case other:
            return f"is {other} to {users}" if users else f"is {other}"


def too_few(name: str, wanted: int, free: int, present: int) -> CapacityError:
    """Return the refusal for a pool that is exhausted."""
    return CapacityError(
        "the pool has too few free VFs",
        where=f"pool {name}",
        found=f"{free} free of {present}",
        expected=f"at least {wanted}",
        todo="portside pool status shows who has the others",
    )
