# SPDX-License-Identifier: Apache-2.0
"""Can the domain have the devices of the host that it names?"""

from collections.abc import Iterator

from sidecar.doctor.rules.facts import Facts
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.domainxml.domain_needs import DomainNeeds, NeededDevice
from sidecar.model.host_facts import Reading
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, PhysicalFunction, Verdict, VirtualFunction

_DEVICES = "/sys/bus/pci/devices"


def examine_hostdevs(facts: Facts, domain: DomainNeeds) -> Iterator[Finding]:
    """Say which devices of the host the domain does not get, or should not."""
    for device in domain.devices:
        if device.address is not None:
            where = f"domain {domain.name}, {device.where}"
            yield from _examine(facts, domain, device, device.address, where)


def _examine(
    facts: Facts, domain: DomainNeeds, device: NeededDevice, address: PciAddress, where: str
) -> Iterator[Finding]:
    if address not in facts.present:
        yield _missing(address, where)
        return
    function = facts.inventory.find(address)
    if isinstance(function, PhysicalFunction):
        yield from _examine_pf(facts, function, where)
    elif function is not None and facts.holders.get(address) != domain.name:
        found = list(_examine_use(facts, domain, function, where))
        yield from found
        if not found and not device.managed:
            yield from _examine_binding(function, where)


def _missing(address: PciAddress, where: str) -> Finding:
    path = f"{_DEVICES}/{address}"
    return Finding(
        Code.VF_MISSING,
        Level.FAILS,
        where,
        f"there is no PCI device {address}",
        f"vfio {path}: no such host device: No such file or directory",
        (Reading(path, "not there"),),
        "portside vf list shows the VFs that there are; after a boot the VFs are to be made anew "
        "(portside pool start, portside pool autostart)",
    )


def _examine_pf(facts: Facts, pf: PhysicalFunction, where: str) -> Iterator[Finding]:
    pools = [pool.definition.name for pool in facts.pools if pool.pf == pf.address]
    count = "?" if pf.vfs is UNKNOWN else str(len(pf.vfs))
    if count == "0" and not pools:
        return
    evidence = [Reading(f"{_DEVICES}/{pf.address}", f"{count} virtfn links")]
    evidence += [Reading(f"pool {name}", "on this PF") for name in pools]
    yield Finding(
        Code.HOSTDEV_IS_PF,
        Level.FAILS,
        where,
        f"{pf.address} is a PF: libvirt gives it to the guest, and all its VFs are gone from "
        "under whoever has them",
        "nothing: it succeeds",
        tuple(evidence),
        "Name one of its VFs: portside vf list shows them",
    )


def _examine_use(
    facts: Facts, domain: DomainNeeds, vf: VirtualFunction, where: str
) -> Iterator[Finding]:
    holder = facts.holders.get(vf.address, "")
    usage = facts.inventory.usages[vf.address]
    others = [
        one
        for one in usage.evidence
        if one.verdict is not Verdict.FREE and one.who != f"domain {domain.name}"
    ]
    if not others and not holder:
        return
    evidence = tuple(Reading(one.source, one.text) for one in others)
    users = ", ".join(dict.fromkeys(one.who for one in others if one.who)) or "somebody"
    on_host = bool(vf.interfaces) and not holder
    message = "nothing: libvirt takes it away from there"
    if not on_host:
        who = f"domain {holder}" if holder else "domain ..."
        message = f"PCI device {vf.address} is in use by driver QEMU, {who}"
    yield Finding(
        Code.VF_IN_USE,
        Level.WARNING if on_host else Level.FAILS,
        where,
        f"VF {vf.address} is in use: {users}",
        message,
        evidence,
        "Take another VF (portside vf list), or let its user give it back",
    )


def _examine_binding(vf: VirtualFunction, where: str) -> Iterator[Finding]:
    if vf.driver is None or vf.driver is UNKNOWN or "vfio" in vf.driver:
        return
    yield Finding(
        Code.VF_NOT_DETACHED,
        Level.FAILS,
        where,
        f"VF {vf.address} has the host's driver {vf.driver}, and libvirt is not to take it away",
        f"Unmanaged PCI device {vf.address} must be manually detached from the host",
        (
            Reading(f"{_DEVICES}/{vf.address}/driver", vf.driver),
            Reading("domain XML", "managed is not 'yes'"),
        ),
        "Write managed='yes' into the device, or bind the VF to vfio-pci",
    )
