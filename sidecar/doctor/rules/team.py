# SPDX-License-Identifier: Apache-2.0
"""Will the two halves of each team find each other?

Rules from libvirt (``virDomainNetDefParseXML``, ``qemuValidateDomainDeviceDefNetwork``),
QEMU's failover and the guest's ``net_failover``, which pairs by MAC address.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.domainxml.domain_needs import DomainNeeds, NeededDevice
from sidecar.model.host_facts import Reading
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress

_VIRTIO: Final = {"virtio", "virtio-transitional", "virtio-non-transitional"}
_XML: Final = "domain XML"


def examine_teams(domain: DomainNeeds, macs: Mapping[PciAddress, MacAddress]) -> Iterator[Finding]:
    """Say which teams do not work.

    Args:
        domain: the domain.
        macs: what PFs have set for VFs, by the VF's address.
    """
    halves = {one.alias: one for one in domain.devices if one.team == "persistent"}
    for half in halves.values():
        yield from _examine_persistent(domain, half)
    taken: dict[str, NeededDevice] = {}
    for device in domain.devices:
        if device.team != "transient":
            continue
        other = taken.setdefault(device.partner, device)
        partner = halves.get(device.partner)
        if partner is None:
            yield _no_partner(domain, device, tuple(halves))
        elif other is not device:
            yield _second(domain, device, other)
        else:
            yield from _examine_macs(domain, device, partner, macs)


def _examine_persistent(domain: DomainNeeds, half: NeededDevice) -> Iterator[Finding]:
    if half.emulated and half.model in _VIRTIO:
        return
    model = half.model or "rtl8139"
    yield Finding(
        Code.TEAM_MODEL,
        Level.FAILS,
        f"domain {domain.name}, {half.where}",
        "the persistent half of a team must be a virtio interface",
        f"virtio-net teaming persistent interface must be <model type='virtio'/>, not '{model}'",
        (Reading(_XML, f"{half.where}, model {half.model or 'not given'}"),),
        "Add <model type='virtio'/> to it",
    )


def _no_partner(domain: DomainNeeds, device: NeededDevice, aliases: tuple[str, ...]) -> Finding:
    message = (
        ""
        if device.partner
        else ("teaming persistent attribute must be set if teaming type is 'transient'")
    )
    named = f"<teaming type='transient' persistent='{device.partner}'>"
    return Finding(
        Code.TEAM_NO_PARTNER,
        Level.FAILS,
        f"domain {domain.name}, {device.where}",
        "the other half of its team is not in the domain, so the guest never sees the VF",
        message,
        (Reading(_XML, f"{named}; persistent halves: {', '.join(aliases) or 'none'}"),),
        "Give the virtio interface an <alias name='ua-...'/> and <teaming type='persistent'/>, "
        "and name that alias here",
    )


def _second(domain: DomainNeeds, device: NeededDevice, other: NeededDevice) -> Finding:
    return Finding(
        Code.TEAM_TWO_PRIMARIES,
        Level.FAILS,
        f"domain {domain.name}, {device.where}",
        f"{other.where} already is the VF of the same team",
        "Cannot attach more than one primary device",
        (Reading(_XML, f"both name persistent='{device.partner}'"),),
        "Team each VF with its own virtio interface",
    )


def _examine_macs(
    domain: DomainNeeds,
    device: NeededDevice,
    partner: NeededDevice,
    macs: Mapping[PciAddress, MacAddress],
) -> Iterator[Finding]:
    """Compare what the guest will see: a plain hostdev has what its PF has set for it."""
    own, source = device.mac, _XML
    if device.tag == "hostdev" and device.address is not None:
        own, source = macs.get(device.address), f"the PF's setting for VF {device.address}"
        if own is None:
            return
    if own is not None and own == partner.mac:
        return
    yield Finding(
        Code.TEAM_MAC,
        Level.FAILS,
        f"domain {domain.name}, {device.where}",
        f"its MAC address differs from that of {partner.where}: the guest does not pair them",
        "",
        (
            Reading(source, f"{device.where}: {own or 'no MAC address, libvirt generates one'}"),
            Reading(_XML, f"{partner.where}: {partner.mac or 'no MAC address'}"),
        ),
        _set_mac(device, partner.mac),
    )


def _set_mac(device: NeededDevice, mac: MacAddress | None) -> str:
    wanted = mac or "MAC"
    if device.tag == "hostdev":
        return f"portside vf set {device.address} --mac {wanted}, before the domain starts"
    return f"Set <mac address='{wanted}'/> on both"
