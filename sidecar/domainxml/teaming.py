# SPDX-License-Identifier: Apache-2.0
"""Teaming: a transient VF and the persistent virtio NIC that stays when the VF goes.

Rules from libvirt (``virDomainNetDefParseXML``, ``virDomainHostdevDefParseXML``; since 7.1.0
also for plain hostdev), QEMU's ``failover_pair_id`` and the guest's ``net_failover``: one MAC
address on both, virtio for the persistent one, a port of its own for the transient one.
"""

from lxml import etree

from sidecar.domainxml.address import describe
from sidecar.domainxml.document import add_child, alias_of, child_of, devices_named
from sidecar.domainxml.reservation.placeholders import is_placeholder
from sidecar.errors import RequestError, shorten
from sidecar.model import alias
from sidecar.model.mac import MacAddress
from sidecar.model.request import Request, TeamingPair

_VIRTIO = {"virtio", "virtio-non-transitional"}


def apply_teaming(domain: etree._Element, request: Request) -> list[etree._Element]:
    """Write both halves of every pair; everything again in every call.

    Returns:
        the transient elements.

    Raises:
        RequestError: a half is missing or cannot be teamed.
    """
    transients = []
    for pair in request.pairs:
        transient = _find_transient(domain, pair)
        if transient is None:
            raise RequestError(
                f"network {pair.transient} has no device in the domain",
                where=pair.where,
                expected=f"a hostdev with alias {alias.of_sriov_network(pair.transient)} or "
                f"{alias.HOST_DEVICES[0]}{pair.transient}, or an interface that is a VF",
                todo="Give the VM such an SR-IOV interface, such a host device, or an entry in "
                "portside.io/vfs.",
            )
        persistent = _find_persistent(domain, pair, transitional=request.transitional)
        if alias_of(transient) not in alias.of_host_device(pair.transient):
            _check_mac(persistent, transient, pair, _known_mac(request, pair.transient))
        _set_teaming(persistent, pair, {"type": "persistent"})
        partner = alias.of_network(pair.persistent)
        _set_teaming(transient, pair, {"type": "transient", "persistent": partner})
        transients.append(transient)
    return transients


def note_host_devices(request: Request) -> tuple[str, ...]:
    """Say what nothing checks: a host device's MAC address stands in no VMI and no domain."""
    teamed = {pair.transient: pair.persistent for pair in request.pairs}
    return tuple(
        f"host device {name} teams with {teamed[name]}: the VF must have the MAC address of "
        f"{teamed[name]}, set through its physical function on the node"
        for name in sorted(request.host_device_names & teamed.keys())
    )


def _find_transient(domain: etree._Element, pair: TeamingPair) -> etree._Element | None:
    name = pair.transient
    ours = {alias.of_sriov_network(name), *alias.any_of_entry(name)}
    host_devices = alias.of_host_device(name)
    for element in devices_named(domain, "hostdev", "interface"):
        known = alias_of(element)
        if element.tag == "hostdev" and known in ours:
            return element
        if element.tag == "hostdev" and known in host_devices:
            return _pci_device(element, pair)
        is_vf = element.tag == "interface" and element.get("type") in {"hostdev", "network"}
        if is_vf and known in {alias.of_network(name), *ours}:
            return element
    return None


def _pci_device(element: etree._Element, pair: TeamingPair) -> etree._Element:
    """Demand that an entry of ``hostDevices`` became a PCI device: it may be USB or mediated."""
    if element.get("type") != "pci":
        raise RequestError(
            f"host device {pair.transient} is no VF",
            where=f"{pair.where}, {describe(element)}",
            found=f"a hostdev of type {shorten(element.get('type'))}",
            expected="a PCI device",
        )
    return element


def _find_persistent(
    domain: etree._Element, pair: TeamingPair, *, transitional: bool
) -> etree._Element:
    wanted = alias.of_network(pair.persistent)
    found = next(
        (element for element in devices_named(domain, "interface") if alias_of(element) == wanted),
        None,
    )
    if found is None or is_placeholder(found):
        raise RequestError(
            f"network {pair.persistent} has no interface in the domain",
            where=pair.where,
            expected=f"an <interface> with alias {wanted}",
        )
    model = child_of(found, "model")
    kind = None if model is None else model.get("type")
    if transitional and kind == "virtio-transitional":
        raise RequestError(
            f"interface {pair.persistent} cannot be the persistent half of a team",
            where=pair.where,
            found=f"model {kind}, since the VMI says useVirtioTransitional",
            expected="a virtio interface on PCIe: a conventional PCI device teams with no VF",
            todo="Leave useVirtioTransitional out of spec.domain.devices.",
        )
    if found.get("type") == "hostdev" or kind not in _VIRTIO:
        raise RequestError(
            f"interface {pair.persistent} cannot be the persistent half of a team",
            where=pair.where,
            found=f"type {shorten(found.get('type'))}, model {shorten(kind)}",
            expected="a virtio interface that is no VF",
            todo="Set its model to virtio.",
        )
    return found


def _known_mac(request: Request, name: str) -> MacAddress | None:
    """Return the MAC address that the VMI gives the transient device, if any."""
    for network in request.networks:
        if network.name == name:
            return network.mac
    return next((entry.mac for entry in request.vfs if entry.name == name), None)


def _check_mac(
    persistent: etree._Element,
    transient: etree._Element,
    pair: TeamingPair,
    known: MacAddress | None,
) -> None:
    """Demand one MAC address on both halves; give it to an interface that has none."""
    node = child_of(persistent, "mac")
    text = None if node is None else node.get("address")
    if text is None:
        raise RequestError(
            f"interface {pair.persistent} has no MAC address in the domain",
            where=pair.where,
            expected="the same MAC address on both halves of a team",
            todo=f"Set macAddress of interface {pair.persistent}.",
        )
    wanted = _parse_mac(text, persistent, pair)
    own = child_of(transient, "mac")
    if transient.tag == "interface":
        if own is None:
            own = add_child(transient, "mac", address=str(wanted))
        known = _parse_mac(own.get("address", ""), transient, pair)
    if known is None:
        raise RequestError(
            f"{pair.transient} has no MAC address of its own",
            where=pair.where,
            expected=f"macAddress {wanted}, as {pair.persistent} has",
            todo="A plain hostdev's MAC address is set through its PF before the VM starts.",
        )
    if known != wanted:
        raise RequestError(
            "the halves of a team have different MAC addresses",
            where=pair.where,
            found=f"{pair.transient} {known}, {pair.persistent} {wanted}",
            expected="one MAC address on both",
        )


def _parse_mac(text: str, element: etree._Element, pair: TeamingPair) -> MacAddress:
    try:
        return MacAddress.parse(text)
    except RequestError as error:
        raise RequestError(
            error.what,
            where=f"{pair.where}, {describe(element)}, <mac>",
            found=error.found,
            expected=error.expected,
        ) from None


def _set_teaming(element: etree._Element, pair: TeamingPair, wanted: dict[str, str]) -> None:
    node = child_of(element, "teaming")
    if node is None:
        node = add_child(element, "teaming")
    elif dict(node.items()) != wanted:
        raise RequestError(
            "the domain teams this device otherwise",
            where=f"{pair.where}, {describe(element)}",
            found=shorten(dict(node.items())),
            expected=shorten(wanted),
        )
    for key, value in wanted.items():
        node.set(key, value)
