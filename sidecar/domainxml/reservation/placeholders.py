# SPDX-License-Identifier: Apache-2.0
"""Interface placeholders: NICs that exist only to make libvirt create controllers.

A domain that still carries one does not start: ``target managed='no'`` names a device that
does not exist. KubeVirt places its own (``pkg/virt-launcher/virtwrap/network/nichotplug.go``)
and takes them away; ours carry a user alias, which survives libvirt and KubeVirt alike.
"""

from lxml import etree

from sidecar.domainxml.address import write_place
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.document import child_of, devices_named, remove_child

_ALIAS = "ua-portside-placeholder-"
_TARGET = "placeholder-"


def make_placeholder(number: int, place: Place | None = None) -> etree._Element:
    """Make our placeholder ``number``, at a guest address if one is given."""
    interface = etree.Element("interface", type="ethernet")
    etree.SubElement(interface, "target", dev=f"{_TARGET}{number}", managed="no")
    etree.SubElement(interface, "model", type="virtio-non-transitional")
    etree.SubElement(interface, "alias", name=f"{_ALIAS}{number}")
    if place is not None:
        write_place(interface, place)
    return interface


def is_placeholder(element: etree._Element) -> bool:
    """Whether this is a placeholder, ours or KubeVirt's."""
    if element.tag != "interface" or element.get("type") != "ethernet":
        return False
    target = child_of(element, "target")
    return (
        target is not None
        and target.get("managed") == "no"
        and target.get("dev", "").startswith(_TARGET)
    )


def is_ours(element: etree._Element) -> bool:
    """Whether this is a placeholder of ours."""
    if not is_placeholder(element):
        return False
    alias = child_of(element, "alias")
    return alias is not None and alias.get("name", "").startswith(_ALIAS)


def find_foreign(domain: etree._Element) -> list[etree._Element]:
    """List the placeholders that KubeVirt put there, and will take away."""
    return [e for e in devices_named(domain, "interface") if is_placeholder(e) and not is_ours(e)]


def strip_ours(domain: etree._Element) -> int:
    """Remove our placeholders; tell how many there were."""
    ours = [element for element in devices_named(domain, "interface") if is_ours(element)]
    for element in ours:
        parent = element.getparent()
        if parent is not None:
            remove_child(parent, element)
    return len(ours)
