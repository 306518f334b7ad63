# SPDX-License-Identifier: Apache-2.0
"""The life of a lease: a VF is taken for a holder and set, and given back with nothing left on it.

The only place where leases begin and end, whoever the holder is and whoever asks: the pool tool,
the node agent, a pool's start. Intent before, completion after: both are on disk, so a crash in
between leaves a VF that is to be inspected. What is set and what is taken off again says
``sidecar.pools.rules.restore``.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from sidecar.errors import PortsideError
from sidecar.host.binding import driver_of, restore, unbind
from sidecar.host.macs import read_macs
from sidecar.host.numvfs import WriteHung
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.missing import pf_interface
from sidecar.model.pool import PfView
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.rules.assign import is_settled
from sidecar.pools.rules.mac_conflict import MacUse, check_mac
from sidecar.pools.rules.restore import (
    keeps_mac,
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
        if mac is not None:
            check_mac(mac, vf.index, self._mac_uses(), where=where or name(vf), team=team)

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
        before = self._node.links.read_settings(self._interface(where), vf.index)
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
        self._bind_anew(vf, taken.done.mac)

    def _take_off(self, lease: Lease, vf: VirtualFunction) -> None:
        if lease.settings.asks_nothing:
            return
        present = self._node.links.read_settings(self._interface(name(vf)), vf.index)
        self._apply(vf, settings_after_lease(lease, present, vf.address), name(vf))
        self._bind_anew(vf, lease.settings.mac)

    def _bind_anew(self, vf: VirtualFunction, mac: MacAddress | None) -> None:
        """Let the VF's network driver, if it has one, read its MAC address again.

        libvirt gives a plain hostdev back to that driver while the PF still keeps the guest's
        address for the VF. The interface would have it from then on, beside its guest.
        """
        if keeps_mac(read_macs(self._node.sysfs, vf.address), mac):
            sysfs = self._node.sysfs
            driver = driver_of(sysfs, vf.address)
            try:
                unbind(sysfs, vf.address)
                restore(sysfs, vf.address, driver)
            except WriteHung as error:
                self._quarantine(f"rebinding {name(vf)}: {error.what}, {error.found}")
                raise

    def _quarantine(self, reason: str) -> None:
        record, boot = self._held.record(), self._node.boot
        made = record.made if record.boot == boot else 0
        self._held.write_record(replace(record, made=made, boot=boot, quarantine=reason))

    def _has_interface(self) -> bool:
        pf = self._pf
        return bool(self._ifname) or (
            pf is not None and pf.interfaces is not UNKNOWN and bool(pf.interfaces)
        )

    def _interface(self, where: str) -> str:
        if self._ifname or self._pf is None:
            return self._ifname
        return pf_interface(self._pf, where)

    def _mac_uses(self) -> Iterator[MacUse]:
        """List the MAC addresses of the PF's functions, by their interfaces and by the PF."""
        pf, leases = self._pf, self._held.leases()
        if pf is None or not self._has_interface():
            return
        for function in (pf, *(() if pf.vfs is UNKNOWN else pf.vfs)):
            index = function.index if isinstance(function, VirtualFunction) else None
            whose = f"PF {pf.address}" if index is None else f"VF {index} ({function.address})"
            for ifname, mac in read_macs(self._node.sysfs, function.address):
                if mac is not UNKNOWN:
                    yield MacUse(mac, index, f"interface {ifname} of {whose}", ifname)
            if index is None:
                continue
            lease = leases.get(index)
            kept = self._node.links.read_settings(self._interface(""), index).mac
            leased = None if lease is None or lease.free else lease.settings.mac
            holder = "" if lease is None or lease.holder is None else f", held by {lease.holder}"
            for one in {kept, leased}:
                if one is not None:
                    yield MacUse(one, index, f"{whose}{holder}", todo=_free_mac(whose, holder))


def _free_mac(whose: str, holder: str) -> str:
    if holder:
        return "Use another MAC address, or wait until the holder returns that VF"
    return f"Use another MAC address, or give {whose} another one: portside vf set"


def name(vf: VirtualFunction) -> str:
    """Name a VF for errors."""
    return f"VF {vf.index} ({vf.address})"
