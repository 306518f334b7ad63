# SPDX-License-Identifier: Apache-2.0
"""Gives a domain a VF of a pool: checks, then lease, settings, device, in this order."""

from dataclasses import dataclass, replace

from sidecar.domainxml.vf_device import Wanted, find_devices
from sidecar.errors import HostError, PortsideError
from sidecar.host.inventory import read_inventory
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs
from sidecar.model.vf import VirtualFunction
from sidecar.pools.attach_plan import (
    AttachPlan,
    AttachRequest,
    AttachSight,
    plan_attach,
    read_active_pool,
)
from sidecar.pools.context import Node
from sidecar.pools.lease_life import Taken, name
from sidecar.pools.live_or_config import resolve
from sidecar.pools.rules.device_xml import format_device
from sidecar.virt.devices import Domain, need_domain


@dataclass(frozen=True, slots=True)
class Attached:
    """What a domain got; ``vf`` is ``None`` if libvirt chooses it when the domain starts."""

    domain: str
    alias: str
    vf: PciAddress | None
    mac: MacAddress | None


def attach(node: Node, request: AttachRequest) -> Attached:
    """Attach a VF of a pool to a domain.

    Raises:
        RequestError: the domain cannot take it: teaming rules, no PCI.
        CapacityError: no VF or no port is free, or its MAC address is another VF's.
        BusyError: another command works on the PF.
        HostError: the pool, the PF, its settings or libvirt stand against it. Nothing was
            changed, or the error says what remains.
    """
    with node.libvirt() as libvirt:
        domain = need_domain(libvirt, request.domain)
        request = replace(request, scope=resolve(request.scope, domain))
        pool = read_active_pool(node, libvirt, request)
        with node.store.lock(pool.pf) as held:
            sight = AttachSight(node, libvirt, held, pool)
            work = _Work(sight, domain, request, plan_attach(sight, domain, request))
            if request.kind is AttachAs.NETWORK and not request.scope.live:
                return work.configure()
            return work.hand_over()


class _Work:
    """The steps for one VF, whose PF is locked."""

    def __init__(
        self, sight: AttachSight, domain: Domain, request: AttachRequest, plan: AttachPlan
    ) -> None:
        self._sight = sight
        self._node = sight.node
        self._domain = domain
        self._request = request
        self._plan = plan
        self._life = sight.life(plan.view)

    def configure(self) -> Attached:
        """Write a wish into the configuration: libvirt takes a VF at each start anew."""
        self._attach()
        return self._attached(None)

    def hand_over(self) -> Attached:
        """Lease the VF, set it, attach it, and confirm the lease."""
        vf = self._plan.vf
        self._life.check_mac(vf, self._plan.device.mac, team=self._plan.partners)
        taken = self._take(vf)
        try:
            self._attach()
        except PortsideError as error:
            hint, remains = self._hint(), self._undo(taken)
            left = f"Left over: {remains}" if remains else "Lease and settings were restored"
            error.extended(". ".join(part for part in (hint, left) if part))
            raise
        return self._attached(self._settle(taken))

    def _take(self, vf: VirtualFunction) -> Taken:
        chosen_by_libvirt = self._request.kind is AttachAs.NETWORK
        return self._life.take(
            vf,
            Holder(HolderKind.DOMAIN, self._domain.name, self._domain.uuid),
            None if chosen_by_libvirt else self._plan.settings,
            pool=self._request.pool,
            team=self._plan.partners,
        )

    def _attach(self) -> None:
        scope = self._request.scope
        xml = format_device(self._plan.device)
        self._domain.attach(xml, live=scope.live, config=scope.config)

    def _hint(self) -> str:
        if self._request.kind is not AttachAs.NETWORK:
            return ""
        return (
            "libvirt takes the first VF that no interface of this network has, even if a plain "
            "hostdev has it: use --as interface or --as hostdev"
        )

    def _undo(self, taken: Taken) -> str:
        """Put everything back; return what could not be."""
        try:
            there = self._is_there()
            if there:
                self._life.confirm(taken)
        except PortsideError as error:
            return f"{name(taken.vf)} and its lease could not be restored: {error}"
        if there:
            return f"the domain has the device {self._plan.device.alias}, and its lease"
        return self._life.undo(taken)

    def _is_there(self) -> bool:
        """Tell whether the device got into the domain though libvirt said no."""
        scope, wanted = self._request.scope, Wanted(alias=self._plan.device.alias)
        return any(
            find_devices(self._domain.xml(live=live), wanted, (self._request.pool,))
            for live in (True, False)
            if (scope.live if live else scope.config)
        )

    def _settle(self, taken: Taken) -> VirtualFunction:
        """Confirm the lease of the VF that the domain really has."""
        if self._request.kind is AttachAs.NETWORK:
            vf = self._chosen()
            # Its driver is another one by now.
            if vf.index != taken.vf.index:
                wrong, taken = taken, self._take(vf)
                self._life.undo(wrong)
        self._life.confirm(taken)
        return taken.vf

    def _chosen(self) -> VirtualFunction:
        """Return the VF that libvirt chose."""
        wanted = Wanted(alias=self._plan.device.alias)
        found = find_devices(self._domain.xml(live=True), wanted, ())
        address = found[0].vf if found else None
        vf = None
        if address is not None:
            vf = read_inventory(self._node.sysfs, self._node.proc).find(address)
        if not isinstance(vf, VirtualFunction):
            raise HostError(
                "libvirt does not report which VF it attached",
                where=f"domain {self._domain.name}, alias {self._plan.device.alias}",
                found=str(address or "no such device"),
                todo="The device is attached, but its VF has no lease: detach it",
            )
        return vf

    def _attached(self, vf: VirtualFunction | None) -> Attached:
        device = self._plan.device
        return Attached(
            self._domain.name, device.alias, None if vf is None else vf.address, device.mac
        )
