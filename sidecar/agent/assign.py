# SPDX-License-Identifier: Apache-2.0
"""Leases VFs to a VMI and sets them through their PFs: all of them, or none."""

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.agent.vf_requests import Wish
from sidecar.errors import HostError, PortsideError
from sidecar.model.lease import Holder, Lease, LeaseState
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.model.vf import UNKNOWN, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.state.store import HeldPf


@dataclass(frozen=True, slots=True)
class Loan:
    """A VF that is free to be leased, or ``leased`` to its VMI already and to be set again."""

    wish: Wish
    vf: VirtualFunction
    pf: PhysicalFunction
    held: HeldPf
    leased: bool

    @property
    def where(self) -> str:
        """Name it for errors."""
        return f"{self.wish.where}, VF {self.vf.index} ({self.vf.address})"


def lend(node: Node, holder: Holder, loans: Sequence[Loan]) -> None:
    """Lease each VF and set it. A PF that was brought up stays up.

    Raises:
        HostError: one cannot be set, or the records cannot be written; then none is leased
            that was not leased before, and what was set is set back.
    """
    done: list[tuple[Loan, Lease, VfSettings]] = []
    try:
        for loan in loans:
            name = _bring_up(node, loan)
            before = _read(node, name, loan)
            if not loan.leased:
                lease = _take(node, holder, loan)
                done.append((loan, lease, before))
                _apply(node, name, loan)
                loan.held.confirm(lease, node.now())
            else:
                _apply(node, name, loan)
    except Exception:
        for loan, lease, before in reversed(done):
            _undo(node, loan, lease, before)
        raise


def _bring_up(node: Node, loan: Loan) -> str:
    """Return the PF's interface, which is up then; libvirt and most drivers want that."""
    interfaces = loan.pf.interfaces
    if interfaces is UNKNOWN or not interfaces:
        if loan.wish.settings.asks_nothing:
            return ""  # a card without network, or one whose interface is elsewhere
        raise HostError(
            "the PF has no network interface here to set its VFs through",
            where=loan.where,
            found=f"PF {loan.pf.address}, driver {loan.pf.driver}",
            expected="an interface in the network namespace of portside node",
        )
    if interfaces[0].up is not True:
        node.links.set_up(interfaces[0].name)
    return interfaces[0].name


def _read(node: Node, name: str, loan: Loan) -> VfSettings:
    if loan.wish.settings.asks_nothing:
        return VfSettings()
    return node.links.read_settings(name, loan.vf.index)


def _take(node: Node, holder: Holder, loan: Loan) -> Lease:
    lease = loan.held.leases().get(loan.vf.index)
    if lease is not None and lease.state is LeaseState.INSPECT:
        # Its own, cut short by a crash; whoever decided on the loan saw that the VF is free.
        loan.held.clear(loan.vf.index, node.now())
    elif lease is not None and not lease.free:
        # Its own, with other settings: given back and taken anew.
        returning = loan.held.begin_return(lease, lease.generation, node.now())
        loan.held.finish_return(returning, node.now())
    wish = loan.wish
    return loan.held.take(loan.vf.index, holder, wish.settings, wish.pool, node.now())


def _apply(node: Node, name: str, loan: Loan) -> None:
    if not loan.wish.settings.asks_nothing:
        node.links.apply_settings(name, loan.vf.index, loan.wish.settings, where=loan.where)


def _undo(node: Node, loan: Loan, lease: Lease, before: VfSettings) -> None:
    """Take one back; what cannot be set back stays marked, so that nobody gets it unseen."""
    returning = loan.held.begin_return(lease, lease.generation, node.now())
    asked, interfaces = loan.wish.settings, loan.pf.interfaces
    try:
        if not asked.asks_nothing and interfaces is not UNKNOWN and interfaces:
            name = interfaces[0].name
            present = node.links.read_settings(name, loan.vf.index)
            # What never changed is not set: the driver may have refused just that.
            back = VfSettings(
                mac=before.mac if before.mac != present.mac else None,
                vlan=before.vlan or PortVlan(0) if before.vlan != present.vlan else None,
            )
            if not back.asks_nothing:
                node.links.apply_settings(name, loan.vf.index, back, where=loan.where)
    except PortsideError as error:
        loan.held.mark(loan.vf.index, f"it could not be set back: {error}", node.now())
    else:
        loan.held.finish_return(returning, node.now())
