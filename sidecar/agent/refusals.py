# SPDX-License-Identifier: Apache-2.0
"""Why a VMI does not get its VFs, in words that name what stands against it."""

from sidecar.agent.vf_requests import Wish
from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.lease import Lease
from sidecar.model.pool import PfRecord, PoolRecord
from sidecar.model.vf import Inventory, PhysicalFunction, Usage, Verdict, VirtualFunction


def find_vf(inventory: Inventory, wish: Wish) -> VirtualFunction:
    """Return the VF of a wish.

    Raises:
        RequestError: the address is that of a PF.
        CapacityError: there is no VF at the address.
    """
    found = inventory.find(wish.vf)
    if isinstance(found, PhysicalFunction):
        raise RequestError(
            "this is a physical function: taking it would take its VFs from all others",
            where=wish.where,
            found=str(wish.vf),
            expected="the address of a VF",
        )
    if found is None:
        raise CapacityError(
            "there is no VF at this address on this node",
            where=wish.where,
            found=f"{wish.vf}; {len(inventory.usages)} VFs on {len(inventory.pfs)} PFs",
            todo="VFs are gone after a boot until their pool is started: portside vf list",
        )
    return found


def check_quarantine(record: PfRecord, wish: Wish | None) -> None:
    """Refuse to touch a PF in quarantine.

    Raises:
        HostError: it is.
    """
    if record.quarantine:
        raise HostError(
            "the PF is in quarantine: nothing may touch it",
            where=str(record.pf) if wish is None else f"{wish.where}, PF {record.pf}",
            found=record.quarantine,
            todo="portside pool status tells more; move the VM to another node meanwhile",
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


def leased(lease: Lease, vf: VirtualFunction, wish: Wish) -> CapacityError:
    """Return the refusal for a VF that is somebody else's by our records."""
    reason = f": {lease.reason}" if lease.reason else ""
    return CapacityError(
        f"VF {vf.index} of PF {vf.physfn} belongs to {lease.holder or 'somebody unknown'}",
        where=wish.where,
        found=f"{vf.address}, {lease.state} since {lease.time}{reason}",
        expected="a free VF",
    )


def in_use(usage: Usage, vf: VirtualFunction, wish: Wish) -> CapacityError:
    """Return the refusal for a VF that is in use by what is seen, or of which nobody knows."""
    worst = usage.verdict
    reasons = "; ".join(one.text for one in usage.evidence if one.verdict is worst)
    users = ", ".join(usage.users) or "an unknown user"
    state = f"is in use by {users}" if worst is Verdict.IN_USE else "cannot be told to be free"
    return CapacityError(
        f"VF {vf.index} of PF {vf.physfn} {state}",
        where=wish.where,
        found=f"{vf.address}: {reasons}",
        expected="a free VF",
        todo="portside vf show tells all that is known of it",
    )


def no_pool(name: str) -> HostError:
    """Return the refusal for a pool that this node does not have."""
    return HostError(
        "there is no such pool on this node, or its PF is gone",
        where=f"pool {name}",
        todo="portside pool list shows those that there are",
    )


def too_few(name: str, wanted: int, free: int, present: int) -> CapacityError:
    """Return the refusal for a pool that is exhausted."""
    return CapacityError(
        "the pool has too few free VFs",
        where=f"pool {name}",
        found=f"{free} free of {present}",
        expected=f"at least {wanted}",
        todo="portside pool status names who has the others",
    )
