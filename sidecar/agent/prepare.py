# SPDX-License-Identifier: Apache-2.0
"""PreVMStart: leases a VMI's VFs to it and sets what they need, or refuses; nothing in between.

KubeVirt repeats the call, before the VM runs and perhaps while it does. What is leased to this
VMI already and in use is left alone; what is leased and not in use yet is set again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from sidecar.agent import refusals
from sidecar.agent.vf_requests import Wish, Wishes, read_wishes
from sidecar.errors import BusyError, PortsideError
from sidecar.host.inventory import read_inventory
from sidecar.model.availability import Availability
from sidecar.model.lease import Holder
from sidecar.model.missing import find_vf, no_pf, no_pool, pf_interface
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.lease_life import LeaseLife, Taken, name
from sidecar.pools.observe import HostView, observe_host
from sidecar.pools.rules.assign import Assign, decide_assign
from sidecar.pools.rules.availability import Guests, count_vfs, promise
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


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A VF that is to be taken, of a PF whose leases ``life`` begins and ends."""

    wish: Wish
    vf: VirtualFunction
    pf: PhysicalFunction
    life: LeaseLife

    @property
    def where(self) -> str:
        """Name it for errors."""
        return f"{self.wish.where}, {name(self.vf)}"


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
            CapacityError: a VF is somebody else's, or is not there, or its MAC address is another
                one's, or a pool has too few.
            HostError: the PF cannot do it, or our records cannot be read or written.
            BusyError: another command works on the PF.
        """
        request = parse_request(vmi)
        if request.migration_target:
            return Prepared(
                note="no VF for the target of a migration: VFs are assigned at a VM's start"
            )
        if not request.vfs:
            return Prepared(note="requests no VF")
        wishes = read_wishes(request)
        inventory = self._look()
        pfs = sorted({find_vf(inventory, wish.vf, wish.where).physfn for wish in wishes.vfs})
        end = time.monotonic() + LOCK_SECONDS
        with ExitStack() as stack:
            # In the order of addresses, so that two calls never wait for each other.
            held = {
                pf: stack.enter_context(
                    self._node.store.lock(pf, seconds=max(0.0, end - time.monotonic()))
                )
                for pf in pfs
            }
            return self._prepare(wishes, held)

    def _prepare(self, wishes: Wishes, held: Mapping[PciAddress, HeldPf]) -> Prepared:
        """Look again, now that nobody else of ours can act; decide on all, then act."""
        seen = observe_host(self._node, self._guests())
        wanted: list[_Wanted] = []
        kept: list[PciAddress] = []
        for wish in wishes.vfs:
            vf = find_vf(seen.inventory, wish.vf, wish.where)
            if vf.physfn not in held:
                raise BusyError(
                    "the VFs changed in the meantime", where=wish.where, todo="Try again"
                )
            view = seen.views[vf.physfn]
            if self._is_to_be_taken(wish, wishes.holder, view):
                life = LeaseLife(self._node, held[vf.physfn], view.pf)
                wanted.append(_Wanted(wish, vf, view.pf, life))
            else:
                kept.append(vf.address)
        self._check_pools(wishes, seen)
        taken = self._take_all(wishes.holder, wanted)
        return Prepared(
            tuple(one.vf.address for one in taken if not one.again),
            (*kept, *(one.vf.address for one in taken if one.again)),
        )

    def _is_to_be_taken(self, wish: Wish, holder: Holder, view: PfView) -> bool:
        """Tell whether a VF is to be taken, and not if its VM has it in use already."""
        vf = next(one for one in view.vfs if one.address == wish.vf)
        refusals.check_quarantine(view, wish)
        refusals.check_pool(self._node.store.pool(wish.pool) if wish.pool else None, vf, wish)
        what, seen = decide_assign(view, vf, holder)
        if what is Assign.REFUSE:
            raise refusals.not_free(seen, view.leases.get(vf.index), vf, wish)
        return what is Assign.TAKE

    def _take_all(self, holder: Holder, wanted: Sequence[_Wanted]) -> list[Taken]:
        """Lease and set all of them, or none. A PF that was brought up stays up."""
        done: list[tuple[LeaseLife, Taken]] = []
        try:
            for one in wanted:
                self._bring_up(one)
                taken = one.life.take(
                    one.vf, holder, one.wish.settings, pool=one.wish.pool, where=one.where
                )
                done.append((one.life, taken))
                one.life.confirm(taken)
        except Exception as error:
            remains = [life.undo(taken) for life, taken in reversed(done)]
            if isinstance(error, PortsideError):
                error.extended(". ".join(text for text in remains if text))
            raise
        return [taken for _, taken in done]

    def _bring_up(self, one: _Wanted) -> None:
        """Bring the PF's interface up, if it has one: libvirt and most drivers want that."""
        interfaces = () if one.pf.interfaces is UNKNOWN else one.pf.interfaces
        if not interfaces and not one.wish.settings.asks_nothing:
            pf_interface(one.pf, one.where)
        if interfaces and interfaces[0].up is not True:
            self._node.links.set_up(interfaces[0].name)

    def _check_pools(self, wishes: Wishes, seen: HostView) -> None:
        """See that the pools have VFs for the entries whose VF the launcher's libvirt chooses."""
        named = {wish.vf: wish.where for wish in wishes.vfs}
        for pool, wanted in wishes.open.items():
            record = self._node.store.pool(pool)
            if record is None:
                raise no_pool(pool)
            view = seen.views.get(record.pf)
            if view is None:
                raise no_pf(record.pf, f"pool {pool}")
            refusals.check_quarantine(view, None)
            free = count_vfs(promise(view, named))[Availability.FREE]
            if free < wanted:
                raise refusals.too_few(pool, wanted, free, len(view.vfs))

    def _look(self) -> Inventory:
        return read_inventory(self._node.sysfs, self._node.proc)
