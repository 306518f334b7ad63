# SPDX-License-Identifier: Apache-2.0
"""``<address>`` elements: where they are read and written.

Numbers follow libvirt's ``virStrToLong`` with base 0: ``0x1f``, ``31`` and ``037`` are one.
"""

from contextlib import suppress

from lxml import etree

from sidecar.domainxml.buses import Place
from sidecar.domainxml.document import add_child
from sidecar.errors import RequestError, shorten
from sidecar.model.pci import PciAddress

_MAX_DIGITS = 20


def describe(element: etree._Element) -> str:
    """Name an element for an error: ``<interface> with alias ua-default``."""
    tag = str(element.tag)
    alias = element.find("alias")
    if alias is not None and alias.get("name"):
        return f"<{tag}> with alias {alias.get('name')}"
    index = element.get("index")
    if index is not None:
        return f"<{tag} type='{element.get('type', '')}' index='{index}'>"
    line = element.sourceline
    return f"<{tag}> in line {line}" if line else f"<{tag}>"


def parse_number(text: str, element: etree._Element, attribute: str) -> int:
    """Read a number as libvirt does.

    Raises:
        RequestError: the text is no number.
    """
    stripped = text.strip()
    octal = len(stripped) > 1 and stripped[0] == "0" and stripped.isascii() and stripped.isdigit()
    if len(stripped) <= _MAX_DIGITS and "_" not in stripped:
        with suppress(ValueError):
            return int(stripped, 8 if octal else 0)
    raise RequestError(
        f"attribute {attribute} is no number",
        where=f"domain XML, {describe(element)}",
        found=shorten(text),
        expected="a number like 0x1f",
    )


def read_place(element: etree._Element) -> tuple[Place | None, bool]:
    """Read a device's guest address.

    Returns:
        the PCI address if it has one, and whether libvirt still has to find one: no
        ``<address>``, or ``<address type='pci'/>`` without figures.

    Raises:
        RequestError: the address is not one that a guest can have.
    """
    node = element.find("address")
    if node is None:
        return None, True
    if node.get("type", "pci") != "pci":
        return None, False
    address = _read(node, element)
    if address.domain != 0 or address.bus or address.slot or address.function:
        if address.domain:
            raise RequestError(
                "only PCI domain 0 exists in a guest",
                where=f"domain XML, {describe(element)}",
                found=str(address),
            )
        return Place(address.bus, address.slot, address.function), False
    return None, True


def read_host_address(node: etree._Element, element: etree._Element) -> PciAddress:
    """Read ``<source><address .../></source>`` of a host device."""
    return _read(node, element)


def _read(node: etree._Element, element: etree._Element) -> PciAddress:
    parts = []
    for attribute in ("domain", "bus", "slot", "function"):
        text = node.get(attribute)
        parts.append(0 if text is None else parse_number(text, element, attribute))
    try:
        return PciAddress(*parts)
    except RequestError as error:
        raise RequestError(
            error.what,
            where=f"domain XML, {describe(element)}, <address>",
            found=error.found,
            expected=error.expected,
        ) from None


def write_place(element: etree._Element, place: Place) -> None:
    """Give a device an explicit guest address, in the form that libvirt prints."""
    node = element.find("address")
    if node is None:
        node = add_child(element, "address")
    node.set("type", "pci")
    node.set("domain", "0x0000")
    node.set("bus", f"0x{place.bus:02x}")
    node.set("slot", f"0x{place.slot:02x}")
    node.set("function", f"0x{place.function:x}")


def write_host_address(parent: etree._Element, address: PciAddress, *, typed: bool) -> None:
    """Write a host device's address below ``<source>``.

    ``typed``: with ``type='pci'``, which ``<interface type='hostdev'>`` demands.
    """
    node = etree.SubElement(parent, "address")
    if typed:
        node.set("type", "pci")
    node.set("domain", f"0x{address.domain:04x}")
    node.set("bus", f"0x{address.bus:02x}")
    node.set("slot", f"0x{address.slot:02x}")
    node.set("function", f"0x{address.function:x}")
