# SPDX-License-Identifier: Apache-2.0
"""Can the domain have the devices of the host that it names?"""

from collections.abc import Iterator

from sidecar.doctor.rules.facts import Facts
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.domainxml.domain_needs import DomainNeeds, NeededDevice
from sidecar.model.availability import Availability
from sidecar.model.host_facts import Reading
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, PhysicalFunction, VirtualFunction

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
        (Reading(path, "does not exist"),),
        "portside vf list shows the existing VFs; after a reboot, VFs must be created again "
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
        f"{pf.address} is a PF: libvirt gives it to the guest, and every guest using one of its "
        "VFs loses it",
        "no error: it succeeds",
        tuple(evidence),
        "Name one of its VFs: portside vf list shows them",
    )


def _examine_use(
    facts: Facts, domain: DomainNeeds, vf: VirtualFunction, where: str
) -> Iterator[Finding]:
    holder = facts.holders.get(vf.address, "")
    others = [
        one for one in facts.assessments[vf.address].obstacles if one.who != f"domain {domain.name}"
    ]
    if not others and not holder:
        return
    state = others[0].verdict if others else Availability.IN_USE
    users = ", ".join(dict.fromkeys(one.who for one in others if one.who)) or "somebody"
    promised = state is Availability.PROMISED
    message = "no error, unless both run"
    if not promised:
        message = _message(vf, holder)
    yield Finding(
        Code.VF_IN_USE,
        Level.WARNING if promised or _is_taken_away(vf, holder) else Level.FAILS,
        where,
        f"VF {vf.address} is {state}: {users}",
        message,
        tuple(Reading(one.source, one.text) for one in others),
        "Use another VF (portside vf list), or have its user release it",
    )


def _is_taken_away(vf: VirtualFunction, holder: str) -> bool:
    """Tell whether libvirt takes a VF from an interface of the host."""
    return bool(vf.interfaces) and not holder


def _message(vf: VirtualFunction, holder: str) -> str:
    if _is_taken_away(vf, holder):
        return "no error: libvirt detaches it from the host"
    who = f"domain {holder}" if holder else "domain ..."
    return f"PCI device {vf.address} is in use by driver QEMU, {who}"


def _examine_binding(vf: VirtualFunction, where: str) -> Iterator[Finding]:
    if vf.driver is None or vf.driver is UNKNOWN or "vfio" in vf.driver:
        return
    yield Finding(
        Code.VF_NOT_DETACHED,
        Level.FAILS,
        where,
        f"VF {vf.address} has the host's driver {vf.driver}, and libvirt does not detach it "
        "(unmanaged)",
        f"Unmanaged PCI device {vf.address} must be manually detached from the host",
        (
            Reading(f"{_DEVICES}/{vf.address}/driver", vf.driver),
            Reading("domain XML", "managed is not 'yes'"),
        ),
        "Set managed='yes' on the device, or bind the VF to vfio-pci",
    )
