# SPDX-License-Identifier: Apache-2.0
"""Has the domain room for a VF, and models for its interfaces?"""

from collections.abc import Iterator

from sidecar.doctor.rules.facts import Facts
from sidecar.doctor.rules.finding import Code, Finding, Level, or_fine
from sidecar.doctor.rules.hostdev import examine_hostdevs
from sidecar.doctor.rules.team import examine_teams
from sidecar.domainxml.domain_needs import DomainNeeds
from sidecar.model.host_facts import Reading
from sidecar.model.ports import MachineFamily


def examine_domain(facts: Facts) -> Iterator[Finding]:
    """Say what stands against the domain of the call, if there is one."""
    domain = facts.domain
    if domain is None:
        return
    where = f"domain {domain.name}"
    found = [
        *_examine_ports(domain, where, pool=facts.wanted_pool),
        *_examine_models(domain, where),
        *examine_teams(domain, facts.macs),
        *examine_hostdevs(facts, domain),
    ]
    ports = domain.ports
    free = "" if ports is None else f", {ports.free} of {ports.total} ports free"
    text = f"{len(domain.devices)} interfaces and host devices{free}"
    yield from or_fine(found, Finding(Code.DOMAIN, Level.OK, where, text))


def _examine_ports(domain: DomainNeeds, where: str, *, pool: str) -> Iterator[Finding]:
    """Look for room for one more VF.

    What the XML names libvirt finds a port for at the start, or the buses are full. What
    comes later needs a port that is there: a VF of ``pool``, or the VF of a team that lost it.
    """
    says = "No more available PCI slots"
    if domain.ports is None:
        yield Finding(
            Code.NO_FREE_PORT,
            Level.FAILS,
            where,
            "its PCI buses cannot hold its devices",
            says,
            (Reading("domain XML", domain.problem),),
            "Remove devices or controllers",
        )
        return
    if domain.ports.free or domain.ports.family not in {MachineFamily.PCIE, MachineFamily.PCI}:
        return
    waiting = _lonely(domain)
    fails = bool(pool or waiting)
    text = "it has no free hot-pluggable port: no VF can be attached while it runs"
    if waiting:
        text += f", and {', '.join(waiting)} is missing the VF of its team"
    yield Finding(
        Code.NO_FREE_PORT,
        Level.FAILS if fails else Level.WARNING,
        where,
        text,
        says,
        (Reading("domain XML", f"{domain.ports.total} ports or slots, 0 free"),),
        "Add <controller type='pci' model='pcie-root-port'/> to its configuration, one for each "
        "VF, and restart it (portside topology shows its ports); with KubeVirt, Portside's "
        "hook reserves them",
    )


def _lonely(domain: DomainNeeds) -> tuple[str, ...]:
    """Return the persistent halves whose transient half is not there."""
    partners = {device.partner for device in domain.devices if device.team == "transient"}
    return tuple(
        device.alias
        for device in domain.devices
        if device.team == "persistent" and device.alias not in partners
    )


def _examine_models(domain: DomainNeeds, where: str) -> Iterator[Finding]:
    for device in domain.devices:
        if not device.emulated or device.model is not None:
            continue
        yield Finding(
            Code.INTERFACE_NO_MODEL,
            Level.WARNING,
            f"{where}, {device.where}",
            "it has no model, and libvirt defaults to rtl8139 on x86: slow, and in a "
            "conventional PCI slot behind a bridge"
            + (", where a VF loses its PCIe features" if device.network else ""),
            "",
            (Reading("domain XML", f"{device.where} without <model>"),),
            "Add <model type='virtio'/> to it",
        )
