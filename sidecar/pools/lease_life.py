# SPDX-License-Identifier: Apache-2.0
"""The life of a lease: a VF is taken for a holder and set, and given back with nothing left on it.

The only place where leases begin and end, whoever the holder is and whoever asks: the pool tool,
the node agent, a pool's start. Intent before, completion after: both are on disk, so a crash in
between leaves a VF that is to be inspected. What is set and what is taken off again says
``sidecar.pools.rules.restore``.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sidecar.errors import HostError, PortsideError
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.missing import pf_interface
from sidecar.model.pool import PfView
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.mac_uses import find_mac_uses
from sidecar.pools.rebind import bind_anew
from sidecar.pools.rules.assign import is_settled
from sidecar.pools.rules.mac_conflict import check_mac
from sidecar.pools.rules.restore import (
    settings_after_failure,
    settings_after_lease,
    settings_to_apply,
)
from sidecar.pools.rules.stale import find_stale
from sidecar.state.locked_pf import HeldPf


@dataclass(frozen=True, slots=True)
class Taken:
    """A VF that was taken.

    Args:
        vf: which one.
        lease: its lease.
        before: what was set for it before.
        done: what was changed.
        again: whether its holder had this very lease before: then nothing is ever undone.
    """

    vf: VirtualFunction
    lease: Lease
    before: VfSettings
    done: VfSettings
    again: bool = False


class LeaseLife:
    """Begins and ends the leases of one PF's VFs.

    Args:
        node: the host.
        held: the PF's records, locked.
        pf: the PF, read under that lock; ``None`` if it is gone, with all its VFs.
        ifname: its network interface, empty for its first one.
    """

    def __init__(
        self, node: Node, held: HeldPf, pf: PhysicalFunction | None, ifname: str = ""
    ) -> None:
        self._node = node
        self._held = held
        self._pf = pf
        self._ifname = ifname

    def take(  # noqa: PLR0913 - what a lease is made of
        self,
        vf: VirtualFunction,
        holder: Holder,
        settings: VfSettings | None,
        *,
        pool: str = "",
        where: str = "",
        team: Collection[str] = (),
    ) -> Taken:
        """Lease a VF that may be taken, and set it; ``confirm`` follows when its holder has it.

        Whoever has this lease already keeps it, and what was set is set again.

        Args:
            vf: that the caller saw to be free, or to be this holder's, under the lock.
            holder: who gets it.
            settings: what it is to have; ``None`` if libvirt sets it: then nothing is touched.
            pool: that it comes from, empty for none.
            where: what names the VF in errors, empty for the VF itself.
            team: see ``check_mac``.

        Raises:
            CapacityError: somebody else has it; or another function of the PF has its MAC address.
            HostError: it cannot be set, or the records cannot be written. Then there is no lease
                that was not there before, or the error says what remains.
        """
        wanted, place = settings or VfSettings(), where or name(vf)
        self.check_mac(vf, wanted.mac, where=place, team=team)
        present = self._own(vf, holder)
        again = is_settled(present, wanted, pool)
        if present is not None and not again:
            self.give_back(present, vf, "its new lease was not completed")
        before, changes = self._plan(vf, settings, place)
        if again:
            changes = wanted  # all of it: what the PF says that it keeps may be older than a reset
        lease = (
            present
            if present is not None and again
            else self._held.take(vf.index, holder, wanted, pool, self._node.now())
        )
        taken = Taken(vf, lease, before, changes, again)
        try:
            self._apply(vf, changes, place)
        except PortsideError as error:
            error.extended(self.undo(taken))
            raise
        return taken

    def confirm(self, taken: Taken) -> Lease:
        """Record that the holder has the VF.

        Raises:
            HostError: the records cannot be written.
        """
        return self._held.confirm(taken.lease, self._node.now())

    def undo(self, taken: Taken) -> str:
        """Put back what a take changed; say what could not be, and is to be inspected then."""
        if taken.again:
            return ""
        vf, lease, now = taken.vf, taken.lease, self._node.now
        try:
            self._held.begin_return(lease, lease.generation, now())
            try:
                self._put_back(taken)
            except PortsideError as error:
                reason = f"{name(vf)} could not be restored: {error}"
                self._held.mark(vf.index, reason, now())
                return f"{reason}; its lease needs inspection"
            self._held.finish_return(lease, now())
        except PortsideError as error:
            return f"{name(vf)} and its lease could not be restored: {error}"
        return ""

    def give_back(self, lease: Lease, vf: VirtualFunction | None, why: str) -> None:
        """End a lease, once the caller saw under the lock that nobody has the VF any more.

        Args:
            lease: as it is under the lock: leased, or to be inspected.
            vf: its VF; ``None`` if that is gone, and what was set for it with it.
            why: it ends, for the reason of an inspection: ``its VM has stopped``.

        Raises:
            HostError: something does not come off the VF, and the lease is to be inspected then;
                or the records cannot be written.
        """
        held, now = self._held, self._node.now
        if lease.state is not LeaseState.INSPECT:
            held.begin_return(lease, lease.generation, now())
        try:
            if vf is not None:
                self._take_off(lease, vf)
        except PortsideError as error:
            held.mark(lease.index, f"{why}, and it could not be restored: {error}", now())
            error.extended("Its lease is kept for inspection")
            raise
        if lease.state is LeaseState.INSPECT:
            held.clear(lease.index, now())
        else:
            held.finish_return(lease, now())

    def end_stale(self, view: PfView) -> int:
        """End the leases of domains that have their VF no more, and will not have it again.

        They were shut down, or somebody used virsh.

        Args:
            view: the PF, read under its lock.

        Returns:
            how many ended.

        Raises:
            HostError: see ``give_back``.
        """
        stale = find_stale(view)
        for vf, lease in stale:
            self.give_back(lease, vf, f"{lease.holder} no longer has it")
        return len(stale)

    def check_mac(
        self,
        vf: VirtualFunction,
        mac: MacAddress | None,
        *,
        where: str = "",
        team: Collection[str] = (),
    ) -> None:
        """Refuse a MAC address that another function of the PF has; see ``pool.mac_conflict``.

        Raises:
            CapacityError: another one has it.
            HostError: it cannot be read which ones they have.
        """
        if mac is not None and self._pf is not None and self._has_interface():
            uses = find_mac_uses(self._node, self._held, self._pf, self._interface(""))
            check_mac(mac, vf.index, uses, where=where or name(vf), team=team)

    def _own(self, vf: VirtualFunction, holder: Holder) -> Lease | None:
        """Return the lease that a holder has of a VF already, also one to be inspected."""
        present = self._held.leases().get(vf.index)
        return present if present is not None and present.holder == holder else None

    def _plan(
        self, vf: VirtualFunction, settings: VfSettings | None, where: str
    ) -> tuple[VfSettings, VfSettings]:
        """Return what is set for a VF, and what is to be set."""
        none = VfSettings()
        if settings is None or (settings.asks_nothing and not self._has_interface()):
            return none, none  # a card without network, or one whose interface is elsewhere
        try:
            before = self._node.links.read_settings(self._interface(where), vf.index)
        except HostError:
            if settings.asks_nothing:
                return none, none
            raise
        return before, settings_to_apply(settings, before)

    def _apply(self, vf: VirtualFunction, settings: VfSettings, where: str) -> None:
        if not settings.asks_nothing:
            ifname = self._interface(where)
            self._node.links.apply_settings(ifname, vf.index, settings, where=where)

    def _put_back(self, taken: Taken) -> None:
        vf = taken.vf
        if taken.done.asks_nothing:
            return
        present = self._node.links.read_settings(self._interface(name(vf)), vf.index)
        back = settings_after_failure(taken.done, taken.before, present, vf.address)
        self._apply(vf, back, name(vf))
        bind_anew(self._node, self._held, vf, taken.done.mac)

    def _take_off(self, lease: Lease, vf: VirtualFunction) -> None:
        if lease.settings.asks_nothing:
            return
        present = self._node.links.read_settings(self._interface(name(vf)), vf.index)
        self._apply(vf, settings_after_lease(lease, present, vf.address), name(vf))
        bind_anew(self._node, self._held, vf, lease.settings.mac)

    def _has_interface(self) -> bool:
        pf = self._pf
        return bool(self._ifname) or (
            pf is not None and pf.interfaces is not UNKNOWN and bool(pf.interfaces)
        )

    def _interface(self, where: str) -> str:
        if self._ifname or self._pf is None:
            return self._ifname
        return pf_interface(self._pf, where)


def name(vf: VirtualFunction) -> str:
    """Name a VF for errors."""
    return f"VF {vf.index} ({vf.address})"
