# SPDX-License-Identifier: Apache-2.0
"""Takes a VF back from a domain: the guest is asked, and has let go before its lease ends."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.domainxml.vf_device import FoundDevice, Wanted, find_devices
from sidecar.errors import HostError, RequestError
from sidecar.host.inventory import read_inventory
from sidecar.model.lease import HolderKind, Lease
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, PhysicalFunction, Verdict, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.list_pools import read_pools
from sidecar.pools.live_or_config import Scope, resolve
from sidecar.pools.observe import look_at
from sidecar.pools.rules.guard import without_lease
from sidecar.pools.stale_leases import end_lease
from sidecar.virt.connection import Libvirt
from sidecar.virt.devices import Domain, find_domain
from sidecar.virt.guests import read_guests
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
        HostError: the guest did not let go, and the lease stays; or libvirt refused.
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
        lease = _lease(node, place, name)
        if not found and lease is None:
            raise _nothing(request, domain)
        if lease is None or not isinstance(place, VirtualFunction):
            return Detached(name, vf)
        # Whoever was not asked to let go will not.
        patience = request.seconds if running is not None else 0.0
        kept = _still_held(node, libvirt, place, patience)
        if kept:
            return Detached(name, vf, kept=kept)
        _return(node, place, lease)
    return Detached(name, vf, returned=True)


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
                "the guest has not let go of the VF",
                where=f"domain {domain.name}, {request.wanted}",
                found=f"still there after {request.seconds:g} s",
                todo="Its lease stays. A guest that is paused, still boots or has no PCI hot-plug "
                "does not answer; the request stands, so detach again later",
            )
    if configured is not None:
        domain.detach(configured.xml, live=False)
    return running, configured


def _single(found: Sequence[FoundDevice], request: DetachRequest) -> FoundDevice | None:
    if len(found) > 1:
        raise RequestError(
            "several VFs of the domain are meant",
            where=f"domain {request.domain}, {request.wanted}",
            found=", ".join(one.alias or str(one.vf) for one in found),
            expected="one: name it by its alias",
        )
    return found[0] if found else None


def _nothing(request: DetachRequest, domain: Domain | None) -> RequestError:
    return RequestError(
        "the domain has no such VF" if domain is not None else "there is no such domain",
        where=f"domain {request.domain}, {request.wanted}",
        found="no such device, and no lease",
        todo="portside pool status shows who has which VF; the device may also stand in the "
        "domain's other state: --live, --config"
        if domain is not None
        else "",
    )


def _lease(node: Node, place: object, domain: str) -> Lease | None:
    """Return the lease that the domain has of a VF."""
    if not isinstance(place, VirtualFunction):
        return None
    lease = node.store.leases(place.physfn).get(place.index)
    holder = None if lease is None else lease.holder
    is_its = holder is not None and holder.kind is HolderKind.DOMAIN and holder.name == domain
    return lease if is_its else None


def _still_held(node: Node, libvirt: Libvirt, vf: VirtualFunction, seconds: float) -> str:
    """Say who still has the VF, or will; empty if nobody.

    libvirt tells that the guest let go before it has given the VF back to its driver.
    """
    configured = [one for one in read_guests(libvirt) if one.vf == vf.address and not one.live]
    if configured:
        return f"the configuration of domain {configured[0].domain} still names it"
    deadline = time.monotonic() + seconds
    while True:
        usage = look_at(node, vf.physfn, libvirt).usages.get(vf.address)
        texts = ["it cannot be seen"]
        if usage is not None:
            evidence = without_lease(usage).evidence
            texts = [one.text for one in evidence if one.verdict is not Verdict.FREE]
        if not texts or time.monotonic() >= deadline:
            return ", ".join(texts)
        time.sleep(_POLL_SECONDS)


def _return(node: Node, vf: VirtualFunction, lease: Lease) -> None:
    pf = read_inventory(node.sysfs, node.proc).find(vf.physfn)
    interfaces = pf.interfaces if isinstance(pf, PhysicalFunction) else ()
    if interfaces is UNKNOWN or not interfaces:
        raise HostError(
            "the PF has no network interface to take the VF's settings back through",
            where=str(vf.physfn),
            todo="The VF is detached, and its lease stays",
        )
    with node.store.lock(vf.physfn) as held:
        end_lease(node, held, vf, lease, interfaces[0].name)
