# SPDX-License-Identifier: Apache-2.0
"""PreVMStart: leases a VMI's VFs to it and sets what they need, or refuses; nothing in between.

KubeVirt repeats the call, before the VM runs and perhaps while it does. What is leased to this
VMI already and in use is left alone; what is leased and not in use yet is set again.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from sidecar.errors import BusyError
from sidecar.host.inventory import read_inventory
from sidecar.model.availability import Availability
from sidecar.model.lease import Holder
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView
from sidecar.model.vf import Inventory
from sidecar.node.agent import refusals
from sidecar.node.agent.lend import Loan, lend
from sidecar.node.agent.wishes import Wish, Wishes, read_wishes
from sidecar.node.context import Node
from sidecar.node.observe import HostView, observe_host
from sidecar.pool.assign import Assign, decide_assign, is_settled
from sidecar.pool.availability import Guests, count_vfs, promise
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
        guests: asks the host's libvirt who has which VF; where none runs, it says that. An
            answer that does not come counts as in use.
    """

    def __init__(self, node: Node, guests: Callable[[], Guests]) -> None:
        self._node = node
        self._guests = guests

    def prepare(self, vmi: bytes) -> Prepared:
        """Lease and set what the VMI asks for.

        Raises:
            RequestError: the VMI asks for what cannot be.
            CapacityError: a VF is somebody else's, or is not there, or a pool has too few.
            HostError: the PF cannot do it, or our records cannot be read or written.
            BusyError: another command works on the PF.
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
        seen = observe_host(self._node, self._guests())
        loans: list[Loan] = []
        kept: list[PciAddress] = []
        for wish in wishes.vfs:
            vf = refusals.find_vf(seen.inventory, wish)
            if vf.physfn not in held:
                raise BusyError("the VFs changed meanwhile", where=wish.where, todo="Try again")
            loan = self._decide(wish, wishes.holder, held[vf.physfn], seen.views[vf.physfn])
            if loan is None:
                kept.append(vf.address)
            else:
                loans.append(loan)
        self._check_pools(wishes, seen)
        lend(self._node, wishes.holder, loans)
        again = (loan.vf.address for loan in loans if loan.leased)
        leased = (loan.vf.address for loan in loans if not loan.leased)
        return Prepared(tuple(leased), (*kept, *again))

    def _decide(self, wish: Wish, holder: Holder, held: HeldPf, view: PfView) -> Loan | None:
        """Return what is to be done for one VF; nothing if its VM has it in use already."""
        vf = next(one for one in view.vfs if one.address == wish.vf)
        refusals.check_quarantine(view, wish)
        refusals.check_pool(self._node.store.pool(wish.pool) if wish.pool else None, vf, wish)
        lease = view.leases.get(vf.index)
        what, seen = decide_assign(view, vf, holder)
        if what is Assign.REFUSE:
            raise refusals.not_free(seen, lease, vf, wish)
        if what is Assign.KEEP:
            return None
        return Loan(wish, vf, view.pf, held, leased=is_settled(lease, wish.settings, wish.pool))

    def _check_pools(self, wishes: Wishes, seen: HostView) -> None:
        """See that the pools have VFs for the entries whose VF the launcher's libvirt chooses."""
        named = {wish.vf: wish.where for wish in wishes.vfs}
        for name, wanted in wishes.open.items():
            record = self._node.store.pool(name)
            view = None if record is None else seen.views.get(record.pf)
            if view is None:
                raise refusals.no_pool(name)
            refusals.check_quarantine(view, None)
            free = count_vfs(promise(view, named))[Availability.FREE]
            if free < wanted:
                raise refusals.too_few(name, wanted, free, len(view.vfs))

    def _look(self) -> Inventory:
        return read_inventory(self._node.sysfs, self._node.proc)
