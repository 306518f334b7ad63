# SPDX-License-Identifier: Apache-2.0
"""PreVMStart: leases a VMI's VFs to it and sets what they need, or refuses; nothing in between.

KubeVirt repeats the call, before the VM runs and perhaps while it does. What is leased to this
VMI already and in use is left alone; what is leased and not in use yet is set again.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final

from sidecar.agent import refusals
from sidecar.agent.assign import Loan, lend
from sidecar.agent.vf_requests import Wish, Wishes, read_wishes
from sidecar.errors import ApiError
from sidecar.host.inventory import read_inventory
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, Usage, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.observe import Guests
from sidecar.state.store import HeldPf
from sidecar.vmi.request import parse_request

LOCK_SECONDS: Final = 10.0
"""virt-handler gives a hook 30 s; a write of ``sriov_numvfs`` may hold the lock longer."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What came of it: VFs leased now, VFs that the VMI had already, or why there is nothing."""

    leased: tuple[PciAddress, ...] = ()
    kept: tuple[PciAddress, ...] = ()
    note: str = ""


class Preparer:
    """Answers PreVMStart.

    Args:
        node: the host.
        guests: asks the host's libvirt who has which VF; ``None`` where none runs. An answer
            that does not come counts as in use.
    """

    def __init__(self, node: Node, guests: Callable[[], Guests] | None) -> None:
        self._node = node
        self._guests = guests

    def prepare(self, vmi: bytes) -> Prepared:
        """Lease and set what the VMI asks for.

        Raises:
            RequestError: the VMI asks for what cannot be.
            CapacityError: a VF is somebody else's, or is not there, or a pool has too few.
            HostError: the PF cannot do it, or our records cannot be read or written.
            ApiError: another command works on the PF.
        """
        request = parse_request(vmi)
        if not request.vfs:
            return Prepared(note="asks for no VF")
        if request.migration_target:
            return Prepared(note="a migration's target gets no VF before it has arrived")
        wishes = read_wishes(request)
        inventory = self._look()
        pfs = sorted({refusals.find_vf(inventory, wish).physfn for wish in wishes.vfs})
        with ExitStack() as stack:
            # In the order of addresses, so that two calls never wait for each other.
            held = {
                pf: stack.enter_context(self._node.store.lock(pf, seconds=LOCK_SECONDS))
                for pf in pfs
            }
            return self._prepare(wishes, held)

    def _prepare(self, wishes: Wishes, held: Mapping[PciAddress, HeldPf]) -> Prepared:
        """Look again, now that nobody else of ours can act; decide on all, then act."""
        sight = _Sight(self._look(), None if self._guests is None else self._guests())
        loans: list[Loan] = []
        kept: list[PciAddress] = []
        for wish in wishes.vfs:
            vf = refusals.find_vf(sight.inventory, wish)
            if vf.physfn not in held:
                raise ApiError("the VFs changed meanwhile", where=wish.where, todo="Try again")
            loan = self._decide(wish, wishes.holder, held[vf.physfn], sight)
            if loan is None:
                kept.append(vf.address)
            else:
                loans.append(loan)
        self._check_pools(wishes, sight)
        lend(self._node, wishes.holder, loans)
        again = (loan.vf.address for loan in loans if loan.leased)
        leased = (loan.vf.address for loan in loans if not loan.leased)
        return Prepared(tuple(leased), (*kept, *again))

    def _decide(self, wish: Wish, holder: Holder, held: HeldPf, sight: "_Sight") -> Loan | None:
        """Return what is to be done for one VF; nothing if its VM has it in use already."""
        vf = refusals.find_vf(sight.inventory, wish)
        refusals.check_quarantine(held.record(), wish)
        refusals.check_pool(self._node.store.pool(wish.pool) if wish.pool else None, vf, wish)
        lease = held.leases().get(vf.index)
        mine = lease is not None and lease.holder == holder
        if lease is not None and not lease.free and not mine:
            raise refusals.leased(lease, vf, wish)
        usage = sight.usage(vf)
        if mine and lease is not None and lease.state is LeaseState.LEASED and not usage.free:
            return None
        if not usage.free:
            raise refusals.in_use(usage, vf, wish)
        pf = sight.inventory.find(vf.physfn)
        if not isinstance(pf, PhysicalFunction):
            raise ApiError("the PF has just gone", where=wish.where, todo="Try again")
        return Loan(wish, vf, pf, held, leased=is_settled(lease, wish))

    def _check_pools(self, wishes: Wishes, sight: "_Sight") -> None:
        """See that the pools have VFs for the entries whose VF the launcher's libvirt chooses."""
        named = {wish.vf for wish in wishes.vfs}
        for name, wanted in wishes.open.items():
            record = self._node.store.pool(name)
            pf = None if record is None else sight.inventory.find(record.pf)
            if record is None or not isinstance(pf, PhysicalFunction):
                raise refusals.no_pool(name)
            refusals.check_quarantine(self._node.store.record(record.pf), None)
            leases = self._node.store.leases(record.pf)
            vfs = () if pf.vfs is UNKNOWN else pf.vfs
            free = [
                vf
                for vf in vfs
                if vf.address not in named
                and ((lease := leases.get(vf.index)) is None or lease.free)
                and sight.usage(vf).free
            ]
            if len(free) < wanted:
                raise refusals.too_few(name, wanted, len(free), len(vfs))

    def _look(self) -> Inventory:
        return read_inventory(self._node.sysfs, self._node.proc)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What is seen at one time; ``guests`` is ``None`` where no libvirt runs."""

    inventory: Inventory
    guests: Guests | None

    def usage(self, vf: VirtualFunction) -> Usage:
        """Return what the kernel shows of a VF, and what libvirt says."""
        usage = self.inventory.usages[vf.address]
        return usage if self.guests is None else Usage((*usage.evidence, self.guests.weigh(vf)))


def is_settled(lease: Lease | None, wish: Wish) -> bool:
    """Tell whether a VF is leased to its VMI already, with just these settings."""
    return (
        lease is not None
        and lease.state is LeaseState.LEASED
        and replace(lease, settings=wish.settings, pool=wish.pool) == lease
    )
