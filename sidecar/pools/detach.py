# SPDX-License-Identifier: Apache-2.0
"""Takes a VF back from a domain: the guest is asked, and has let go before its lease ends."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.domainxml.vf_device import FoundDevice, Wanted, find_devices
from sidecar.errors import HostError, PortsideError, RequestError
from sidecar.host.inventory import read_inventory
from sidecar.model.lease import HolderKind, Lease
from sidecar.model.missing import no_domain
from sidecar.model.pci import PciAddress
from sidecar.model.vf import VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.lease_life import LeaseLife
from sidecar.pools.list_pools import read_pools
from sidecar.pools.live_or_config import Scope, resolve
from sidecar.pools.observe import look_at
from sidecar.pools.rules.stale import is_to_be_kept, say_still_held
from sidecar.virt.connection import Libvirt
from sidecar.virt.devices import Domain, find_domain
from sidecar.virt.networks import Networks

_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class DetachRequest:
    """A VF that a domain is to give back.

    Args:
        domain: name or UUID.
        wanted: which of its VFs.
        scope: the running domain, its configuration, or both.
        seconds: how long the guest may take.
    """

    domain: str
    wanted: Wanted
    scope: Scope
    seconds: float


@dataclass(frozen=True, slots=True)
class Detached:
    """What came of it.

    Args:
        domain: that had it.
        vf: which one; ``None`` if libvirt would have chosen it at the start.
        returned: whether a lease was returned.
        kept: why the lease stays, empty if there is none or it was returned.
    """

    domain: str
    vf: PciAddress | None
    returned: bool = False
    kept: str = ""


def detach(node: Node, request: DetachRequest) -> Detached:
    """Detach a VF from a domain, and return its lease once nobody has the VF any more.

    A lease whose domain lost the VF by other ways, as at its shutdown, is returned too.

    Raises:
        RequestError: the domain has no such VF, or several.
        BusyError: another command works on the PF; the VF is detached, and its lease stays.
        HostError: no such domain; the guest did not let go, and the lease stays; or
            libvirt refused.
    """
    with node.libvirt() as libvirt:
        domain = find_domain(libvirt, request.domain)
        name = request.domain if domain is None else domain.name
        running, configured = (None, None)
        if domain is not None:
            running, configured = _detach(node, libvirt, domain, request)
        found = [one for one in (running, configured) if one is not None]
        vf = next((one.vf for one in found if one.vf is not None), request.wanted.vf)
        if vf is None and found:
            return Detached(name, None)
        place = None if vf is None else read_inventory(node.sysfs, node.proc).find(vf)
        its = isinstance(place, VirtualFunction) and _lease(node, place, name) is not None
        if not found and not its:
            raise _nothing(libvirt, request, domain)
        if not its or not isinstance(place, VirtualFunction):
            return Detached(name, vf)
        # Whoever was not asked to let go will not.
        patience = request.seconds if running is not None else 0.0
        return _give_back(node, libvirt, place, name, patience)


def _detach(
    node: Node, libvirt: Libvirt, domain: Domain, request: DetachRequest
) -> tuple[FoundDevice | None, FoundDevice | None]:
    """Take the device from the running domain, then from the configuration."""
    scope = resolve(request.scope, domain)
    pools = [pool.definition.name for pool in read_pools(Networks(libvirt), node.store)]

    def look(xml: bytes) -> FoundDevice | None:
        return _single(find_devices(xml, request.wanted, pools), request)

    running = look(domain.xml(live=True)) if scope.live else None
    configured = look(domain.xml(live=False)) if scope.config else None
    if running is not None:
        domain.detach(running.xml, live=True)
        if not domain.wait(lambda xml: look(xml) is None, request.seconds):
            raise HostError(
                "the guest has not released the VF",
                where=f"domain {domain.name}, {request.wanted}",
                found=f"still attached after {request.seconds:g} s",
                todo="Its lease is kept. A guest that is paused, still booting or without PCI "
                "hot-plug does not respond; the request remains pending, so detach again later",
            )
    if configured is not None:
        domain.detach(configured.xml, live=False)
    return running, configured


def _single(found: Sequence[FoundDevice], request: DetachRequest) -> FoundDevice | None:
    if len(found) > 1:
        raise RequestError(
            "more than one VF matches",
            where=f"domain {request.domain}, {request.wanted}",
            found=", ".join(one.alias or str(one.vf) for one in found),
            expected="one VF: name it by its alias",
        )
    return found[0] if found else None


def _nothing(libvirt: Libvirt, request: DetachRequest, domain: Domain | None) -> PortsideError:
    if domain is None:
        return no_domain(request.domain, libvirt.name)
    return RequestError(
        "the domain has no such VF",
        where=f"domain {request.domain}, {request.wanted}",
        found="no matching device, and no lease",
        todo="portside pool status shows who has which VF; the device may be in the domain's "
        "other state: try --live or --config",
    )


def _lease(node: Node, vf: VirtualFunction, domain: str) -> Lease | None:
    """Return the lease that the domain has of a VF."""
    lease = node.store.leases(vf.physfn).get(vf.index)
    holder = None if lease is None else lease.holder
    is_its = holder is not None and holder.kind is HolderKind.DOMAIN and holder.name == domain
    return lease if is_its else None


def _give_back(
    node: Node, libvirt: Libvirt, vf: VirtualFunction, domain: str, seconds: float
) -> Detached:
    """End the domain's lease once nobody has the VF, or say who has it still or will.

    libvirt tells that the guest let go before it has given the VF back to its driver.
    """
    deadline = time.monotonic() + seconds
    while True:
        with node.store.lock(vf.physfn) as held:
            view = look_at(node, vf.physfn, libvirt)
            # Somebody may have ended it meanwhile, and taken the VF anew.
            lease = _lease(node, vf, domain)
            seen = view.assessments.get(vf.address)
            kept = "the VF cannot be read" if seen is None else say_still_held(seen)
            if lease is None or not kept:
                if lease is not None:
                    LeaseLife(node, held, view.pf).give_back(lease, vf, "detached")
                return Detached(domain, vf.address, returned=True)
        if (seen is not None and is_to_be_kept(seen)) or time.monotonic() >= deadline:
            return Detached(domain, vf.address, kept=kept)
        time.sleep(_POLL_SECONDS)
