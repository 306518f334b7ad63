# SPDX-License-Identifier: Apache-2.0
"""Gives a domain a VF of a pool: checks, then lease, settings, device, in this order."""

from dataclasses import dataclass, replace

from sidecar.domainxml.vf_device import Wanted, find_devices
from sidecar.errors import HostError, PortsideError
from sidecar.host.inventory import read_inventory
from sidecar.model.lease import Holder, HolderKind, Lease
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import VirtualFunction
from sidecar.pools.attach_plan import (
    AttachPlan,
    AttachRequest,
    AttachSight,
    plan_attach,
    read_active_pool,
)
from sidecar.pools.context import Node
from sidecar.pools.live_or_config import resolve
from sidecar.pools.rules.device_xml import DeviceAs, format_device
from sidecar.pools.rules.restore import settings_to_apply, settings_to_undo
from sidecar.state.locked_pf import HeldPf
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
        CapacityError: no VF or no port is free.
        HostError: the pool, the PF, its settings or libvirt stand against it. Nothing was
            changed, or the error says what remains.
    """
    with node.libvirt() as libvirt:
        domain = need_domain(libvirt, request.domain)
        request = replace(request, scope=resolve(request.scope, domain))
        pool = read_active_pool(node, libvirt, request)
        with node.store.lock(pool.pf) as held:
            plan = plan_attach(AttachSight(node, libvirt, held, pool), domain, request)
            work = _Work(node, held, domain, request, plan, pool.definition.pf_name)
            if request.kind is DeviceAs.NETWORK and not request.scope.live:
                return work.configure()
            return work.hand_over()


class _Work:
    """The steps for one VF, whose PF is locked."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it works on
        self,
        node: Node,
        held: HeldPf,
        domain: Domain,
        request: AttachRequest,
        plan: AttachPlan,
        pf_name: str,
    ) -> None:
        self._node = node
        self._held = held
        self._domain = domain
        self._request = request
        self._plan = plan
        self._pf_name = pf_name
        self._before = VfSettings()
        self._done = VfSettings()

    def configure(self) -> Attached:
        """Write a wish into the configuration: libvirt takes a VF at each start anew."""
        self._attach()
        return self._attached(None)

    def hand_over(self) -> Attached:
        """Lease the VF, set it, attach it, and confirm the lease."""
        lease = self._take(self._plan.vf)
        try:
            self._set()
            self._attach()
        except PortsideError as error:
            remains = self._undo(lease)
            raise _with_remains(error, self._hint(), remains) from error
        return self._attached(self._settle(lease))

    def _take(self, vf: VirtualFunction) -> Lease:
        holder = Holder(HolderKind.DOMAIN, self._domain.name, self._domain.uuid)
        return self._held.take(
            vf.index, holder, self._plan.settings, self._request.pool, self._node.now()
        )

    def _set(self) -> None:
        if self._request.kind is DeviceAs.NETWORK:
            return
        links, vf = self._node.links, self._plan.vf
        before = links.read_settings(self._pf_name, vf.index)
        changes = settings_to_apply(self._plan.settings, before)
        if not changes.asks_nothing:
            links.apply_settings(self._pf_name, vf.index, changes, where=_name(vf))
        self._before, self._done = before, changes

    def _attach(self) -> None:
        scope = self._request.scope
        xml = format_device(self._plan.device)
        self._domain.attach(xml, live=scope.live, config=scope.config)

    def _hint(self) -> str:
        if self._request.kind is not DeviceAs.NETWORK:
            return ""
        return (
            "libvirt takes the first VF that no interface of this network has, also if a plain "
            "hostdev has it: attach as interface or hostdev"
        )

    def _undo(self, lease: Lease) -> str:
        """Put everything back; return what could not be."""
        try:
            if self._is_there():
                self._held.confirm(lease, self._node.now())
                return f"the domain has the device {self._plan.device.alias}, and its lease"
            self._put_back()
            self._held.begin_return(lease, lease.generation, self._node.now())
            self._held.finish_return(lease, self._node.now())
        except PortsideError as error:
            return f"{_name(self._plan.vf)} and its lease are as they were left: {error}"
        return ""

    def _put_back(self) -> None:
        vf = self._plan.vf
        if not self._done.asks_nothing:
            back = settings_to_undo(self._done, self._before, vf.address)
            self._node.links.apply_settings(self._pf_name, vf.index, back, where=_name(vf))

    def _is_there(self) -> bool:
        """Tell whether the device got into the domain though libvirt said no."""
        scope, wanted = self._request.scope, Wanted(alias=self._plan.device.alias)
        return any(
            find_devices(self._domain.xml(live=live), wanted, (self._request.pool,))
            for live in (True, False)
            if (scope.live if live else scope.config)
        )

    def _settle(self, lease: Lease) -> VirtualFunction:
        """Confirm the lease of the VF that the domain really has."""
        vf = self._plan.vf
        if self._request.kind is DeviceAs.NETWORK:
            vf = self._chosen()
            # Its driver is another one by now.
            if vf.index != self._plan.vf.index:
                wrong, lease = lease, self._take(vf)
                self._held.begin_return(wrong, wrong.generation, self._node.now())
                self._held.finish_return(wrong, self._node.now())
        self._held.confirm(lease, self._node.now())
        return vf

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
                "libvirt does not tell which VF it gave",
                where=f"domain {self._domain.name}, alias {self._plan.device.alias}",
                found=str(address or "no such device"),
                todo="The device is attached, and its VF has no lease: detach it",
            )
        return vf

    def _attached(self, vf: VirtualFunction | None) -> Attached:
        device = self._plan.device
        return Attached(
            self._domain.name, device.alias, None if vf is None else vf.address, device.mac
        )


def _name(vf: VirtualFunction) -> str:
    return f"VF {vf.index} ({vf.address})"


def _with_remains(error: PortsideError, hint: str, remains: str) -> PortsideError:
    left = f"What remains: {remains}" if remains else "Lease and settings are as before"
    return type(error)(
        error.what,
        where=error.where,
        found=error.found,
        expected=error.expected,
        todo=". ".join(part for part in (error.todo.rstrip("."), hint, left) if part),
    )
