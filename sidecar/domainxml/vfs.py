# SPDX-License-Identifier: Apache-2.0
"""Virtual functions as domain XML: plain hostdev, hostdev interface, pool interface."""

from lxml import etree

from sidecar.domainxml.address import describe, read_host_address, write_host_address
from sidecar.domainxml.document import (
    add_child,
    alias_of,
    append_child,
    child_of,
    devices_named,
    devices_of,
    insert_child,
    remove_child,
)
from sidecar.errors import CapacityError, RequestError
from sidecar.model import alias
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, VfEntry
from sidecar.model.settings import PortVlan


def inject(
    domain: etree._Element, entries: tuple[VfEntry, ...], *, pool_networks: bool
) -> list[etree._Element]:
    """Make sure that every entry is in the domain once, with all its settings.

    An earlier call's element is known by its alias, or by the VF if the alias got lost.

    Args:
        domain: the domain, edited in place.
        entries: the VFs that the VM asks for.
        pool_networks: whether a pool entry without a VF may become an
            ``<interface type='network'>``.

    Returns:
        the elements that were added now and have no guest address yet.

    Raises:
        CapacityError: a pool entry has no VF yet.
        RequestError: an interface, which this launcher cannot start, or a VF that another
            device of the domain already is.
    """
    added = []
    for entry in entries:
        _check_startable(entry, pool_networks=pool_networks)
        element = find_vf(domain, entry)
        if element is None:
            element = make_vf(entry)
            append_child(devices_of(domain), element)
            added.append(element)
        else:
            _restore(element, entry)
            _ensure(element, "alias").set("name", _alias_for(element, entry))
    return added


def _check_startable(entry: VfEntry, *, pool_networks: bool) -> None:
    """Refuse what only the start would refuse, after the hook's last word."""
    if entry.attach_as is AttachAs.INTERFACE and not pool_networks:
        raise RequestError(
            "a VF cannot be an <interface> in a virt-launcher pod",
            where=f"{entry.where}.as",
            found='"interface"',
            expected='"hostdev", or no key as',
            todo="libvirt sets an interface's VF through the network interface of its physical "
            "function, which is not in the pod; MAC and VLAN of a hostdev are set on the node. "
            "An administrator whose launcher can do it sets --pool-networks",
        )
    if entry.address is None and (entry.kind is AttachAs.HOSTDEV or not pool_networks):
        raise CapacityError(
            f"VF {entry.name} of pool {entry.pool} is not allocated yet",
            where=entry.where,
            expected="its PCI address in annotation portside.io/vf-allocations",
            todo="Allocate a VF of the pool; KubeVirt retries the start by itself.",
        )


def make_vf(entry: VfEntry) -> etree._Element:
    """Make the element for a VF, without a guest address.

    A plain hostdev carries neither MAC nor VLAN: both are set through the PF.
    """
    if entry.kind is AttachAs.HOSTDEV:
        element = etree.Element("hostdev", mode="subsystem", type="pci")
    else:
        element = etree.Element("interface")
    _restore(element, entry)
    _ensure(element, "alias").set("name", _alias_for(element, entry))
    return element


def format_vf(entry: VfEntry, name: str, partner: str | None) -> bytes:
    """Write a VF's element for libvirt to attach.

    Args:
        entry: the VF.
        name: alias of the device, which libvirt wants to begin with ``ua-``.
        partner: alias of the persistent half if it is the transient half of a team.
    """
    element = make_vf(entry)
    _ensure(element, "alias").set("name", name)
    if partner is not None:
        add_child(element, "teaming", type="transient", persistent=partner)
    text: bytes = etree.tostring(element, encoding="UTF-8")
    return text


def find_vf(domain: etree._Element, entry: VfEntry) -> etree._Element | None:
    """Find the element of an entry in the domain.

    Raises:
        RequestError: the VF belongs to a device that is not ours.
    """
    aliases = alias.any_of_entry(entry.name)
    same_vf = None
    for element in devices_named(domain, "hostdev", "interface"):
        if alias_of(element) in aliases:
            return element
        if entry.address is not None and host_address(element) == entry.address:
            same_vf = element
    if same_vf is None:
        return None
    if not alias_of(same_vf):
        return same_vf
    raise RequestError(
        "this VF already belongs to another device of the VM",
        where=entry.where,
        found=f"{entry.address}, which is {describe(same_vf)}",
        expected="a VF that the VM does not have",
    )


def host_address(element: etree._Element) -> PciAddress | None:
    """Return the PCI device on the host that a hostdev or hostdev interface is."""
    if element.get("type") not in {"pci", "hostdev"}:
        return None
    node = element.find("source/address")
    if node is None or node.get("type", "pci") != "pci":
        return None
    return read_host_address(node, element)


def _alias_for(element: etree._Element, entry: VfEntry) -> str:
    kind = AttachAs.HOSTDEV if element.tag == "hostdev" else AttachAs.INTERFACE
    return alias.of_entry(entry.name, kind)


def _restore(element: etree._Element, entry: VfEntry) -> None:
    """Write all that the entry says; what KubeVirt's model lost comes back."""
    interface = element.tag == "interface"
    if interface:
        # A pool entry may have got its VF between two calls.
        element.set("type", "network" if entry.address is None else "hostdev")
    else:
        element.set("mode", "subsystem")
    if entry.address is not None:
        element.set("managed", "yes" if entry.managed else "no")
    if interface and entry.mac is not None:
        _ensure(element, "mac").set("address", str(entry.mac))
    _restore_source(element, entry)
    if interface and entry.address is None:
        # Without a model libvirt takes rtl8139 and a conventional slot for it.
        _ensure(element, "model").set("type", "virtio")
    if interface and entry.vlan is not None:
        _restore_vlan(element, entry.vlan)


def _restore_source(element: etree._Element, entry: VfEntry) -> None:
    source = _ensure(element, "source")
    if entry.address is None:
        source.set("network", entry.pool or "")
        return
    if "network" in source.attrib:
        del source.attrib["network"]
    typed = element.tag == "interface"
    address = child_of(source, "address")
    if address is None:
        write_host_address(source, entry.address, typed=typed)
    elif read_host_address(address, element) != entry.address:
        source.remove(address)
        write_host_address(source, entry.address, typed=typed)
    elif typed:
        address.set("type", "pci")


def _restore_vlan(element: etree._Element, vlan: PortVlan) -> None:
    node = etree.Element("vlan")
    add_child(node, "tag", id=str(vlan.id))
    old = child_of(element, "vlan")
    if old is None:
        append_child(element, node)
    elif _content(old) != _content(node):
        insert_child(element, element.index(old), node)
        remove_child(element, old)


def _content(vlan: etree._Element) -> list[object]:
    return [(child.tag, dict(child.attrib)) for child in (vlan, *vlan)]


def _ensure(parent: etree._Element, tag: str) -> etree._Element:
    child = parent.find(tag)
    return add_child(parent, tag) if child is None else child
