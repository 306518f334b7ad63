# SPDX-License-Identifier: Apache-2.0
"""Looks at the domain, the pool and its PF, and settles what is to be attached."""

from dataclasses import dataclass, field

from sidecar.domainxml.domain_needs import read_needs
from sidecar.domainxml.network import read_network
from sidecar.domainxml.profile import Profile, read_profile
from sidecar.errors import HostError, RequestError
from sidecar.host.inventory import read_inventory
from sidecar.model.mac import MacAddress
from sidecar.model.missing import no_pool
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView, PoolDefinition
from sidecar.model.request import AttachAs
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.model.vf import VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.find_pf import find_pf
from sidecar.pools.lease_life import LeaseLife
from sidecar.pools.live_or_config import Scope
from sidecar.pools.observe import look_at
from sidecar.pools.rules.attachable import Target, check_port, check_team, choose_alias, full_alias
from sidecar.pools.rules.choose_vf import choose_vf
from sidecar.pools.rules.device_xml import VfDevice
from sidecar.pools.rules.infiniband import check_ethernet
from sidecar.state.locked_pf import HeldPf
from sidecar.virt.connection import Libvirt
from sidecar.virt.devices import Domain
from sidecar.virt.networks import Networks


@dataclass(frozen=True, slots=True)
class AttachRequest:
    """A VF that somebody wants.

    Args:
        domain: name or UUID.
        pool: the network's name.
        kind: what the VF is to libvirt.
        mac: the guest's, ``None`` for its partner's in a team, else libvirt's or the card's.
        vlan: id of the VF's VLAN, ``None`` for the pool's.
        trust: whether the guest may change its MAC address; ``None`` for no.
        team: alias of the persistent half, ``None`` for no team.
        alias: of the VF, ``None`` for one of ours.
        scope: the running domain, its configuration, or both.
    """

    domain: str
    pool: str
    kind: AttachAs = AttachAs.INTERFACE
    mac: MacAddress | None = None
    vlan: int | None = None
    trust: bool | None = None
    team: str | None = None
    alias: str | None = None
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class PoolNetwork:
    """A pool that is active, as libvirt has it, and its PF's address."""

    definition: PoolDefinition
    profile: Profile
    pf: PciAddress


@dataclass(frozen=True, slots=True)
class AttachPlan:
    """What is to be done.

    Args:
        vf: which one, or which one libvirt will probably take.
        device: for libvirt.
        settings: ours to set through the PF; libvirt sets what ``device`` says.
        view: of the PF, that the choice was made from.
        partners: the host's interfaces that the other half of the VF's team sits on.
    """

    vf: VirtualFunction
    device: VfDevice
    settings: VfSettings
    view: PfView
    partners: tuple[str, ...] = ()


def read_active_pool(node: Node, libvirt: Libvirt, request: AttachRequest) -> PoolNetwork:
    """Read the pool's network, which must be active.

    Raises:
        HostError: no such pool, or it is not active.
        RequestError: it is no pool, has no PF, or gives what only libvirt can set.
    """
    networks = Networks(libvirt)
    if networks.find(request.pool) is None:
        raise no_pool(request.pool)
    xml = networks.xml(request.pool, inactive=True)
    definition, _ = read_network(xml)
    if not networks.is_active(request.pool):
        raise HostError(
            "the pool's network is not active",
            where=f"pool {request.pool}",
            todo=f"portside pool start {request.pool}",
        )
    profile = read_profile(xml)
    if profile.only_libvirt and request.kind is not AttachAs.NETWORK:
        raise RequestError(
            "the pool has settings that only libvirt can apply",
            where=f"pool {request.pool}",
            found=profile.only_libvirt,
            expected="--as network",
        )
    if request.trust is not None and request.kind is AttachAs.NETWORK:
        raise RequestError(
            "trust must be set before the VF is attached, but with --as network libvirt chooses "
            "the VF",
            where=f"pool {request.pool}",
            expected="--as interface or --as hostdev",
        )
    pf = find_pf(read_inventory(node.sysfs, node.proc), definition)
    return PoolNetwork(definition, profile, pf.address)


@dataclass(frozen=True, slots=True)
class AttachSight:
    """Where the plan is made from; the pool's PF is locked."""

    node: Node
    libvirt: Libvirt
    held: HeldPf
    pool: PoolNetwork

    def life(self, view: PfView) -> LeaseLife:
        """Return what begins and ends leases of the pool's PF, as it was seen."""
        return LeaseLife(self.node, self.held, view.pf, self.pool.definition.pf_name)


def plan_attach(sight: AttachSight, domain: Domain, request: AttachRequest) -> AttachPlan:
    """Check everything that stands against it, and choose.

    Args:
        sight: the host, libvirt and the pool.
        domain: that gets the VF.
        request: what is wanted, its scope resolved.

    Raises:
        RequestError: the domain cannot take the VF.
        CapacityError: no port or no VF is free.
        HostError: something cannot be read, or the VF cannot go to a guest.
    """
    scope, mac = request.scope, request.mac
    states = {live: read_needs(domain.xml(live=live)) for live in _states(domain)}
    team = None if request.team is None else full_alias(request.team)
    for live in (live for live in (True, False) if (scope.live if live else scope.config)):
        target = Target(states[live], live)
        check_port(target)
        mac = mac if team is None else check_team(target, team, mac)
    view, vf = _choose(sight, request)
    alias = request.alias
    # The configuration goes first: there stands what the team began with.
    known = tuple(states[live] for live in sorted(states))
    device = VfDevice(
        request.kind,
        choose_alias(known, request.pool, team) if alias is None else full_alias(alias),
        request.pool,
        vf.address,
        sight.pool.profile.managed,
        mac,
        _vlan(request, sight.pool.profile),
        team,
    )
    check_ethernet(
        view.pf,
        request.kind,
        sets_address=device.mac is not None or device.vlan is not None,
        where=f"pool {request.pool}, PF {view.pf.address}",
    )
    partners = (
        ()
        if team is None
        else tuple(
            one.source for state in states.values() for one in state.devices if one.alias == team
        )
    )
    return AttachPlan(vf, device, _settings(device, request), view, partners)


def _choose(sight: AttachSight, request: AttachRequest) -> tuple[PfView, VirtualFunction]:
    view = look_at(sight.node, sight.pool.pf, sight.libvirt)
    if sight.life(view).end_stale(view):
        view = look_at(sight.node, sight.pool.pf, sight.libvirt)
    vf = choose_vf(
        view,
        # For a configuration it chooses at each start, and then looks anew.
        libvirt_chooses=request.kind is AttachAs.NETWORK and request.scope.live,
        managed=sight.pool.profile.managed,
    )
    return view, vf


def _states(domain: Domain) -> set[bool]:
    """List what the domain has: a running state, a configuration."""
    return ({True} if domain.active else set()) | ({False} if domain.persistent else set())


def _vlan(request: AttachRequest, profile: Profile) -> int | None:
    if request.vlan is not None:
        return request.vlan
    if profile.vlan is None or request.kind is AttachAs.NETWORK:
        return None
    return profile.vlan.id


def _settings(device: VfDevice, request: AttachRequest) -> VfSettings:
    if device.kind is not AttachAs.HOSTDEV:
        return VfSettings(trust=request.trust)
    vlan = None if device.vlan is None else PortVlan(device.vlan)
    return VfSettings(mac=device.mac, vlan=vlan, trust=request.trust)
