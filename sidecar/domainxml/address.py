# SPDX-License-Identifier: Apache-2.0
"""``<address>`` elements: where they are read and written.

Numbers follow libvirt's ``virStrToLong`` with base 0: ``0x1f``, ``31`` and ``037`` are one.
"""

import re
from functools import lru_cache

from lxml import etree

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.document import add_child, child_of
from sidecar.errors import RequestError, shorten
from sidecar.model.pci import PciAddress

_MAX_DIGITS = 20
_MAX_NAME = 80
_NUMBER = re.compile(r"\s*\+?(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))", re.ASCII)
_DECIMAL = re.compile(r"\s*\+?[0-9]+", re.ASCII)
_USUAL = {
    f"0x{number:0{width}x}": number for width in (1, 2, 4) for number in range(16 ** min(width, 2))
}


def describe(element: etree._Element) -> str:
    """Name an element for an error: ``<interface> with alias ua-default``."""
    tag = str(element.tag)
    alias = child_of(element, "alias")
    name = None if alias is None else alias.get("name")
    if name:
        return f"<{tag}> with alias {name[:_MAX_NAME]}"
    index = element.get("index")
    if index is not None:
        kind = element.get("type", "")
        return f"<{tag} type='{kind[:_MAX_NAME]}' index='{index[:_MAX_NAME]}'>"
    line = element.sourceline
    return f"<{tag}> in line {line}" if line else f"<{tag}>"


def parse_number(text: str, element: etree._Element, attribute: str) -> int:
    """Read a number as libvirt does: hex after ``0x``, octal after ``0``, else decimal.

    Raises:
        RequestError: the text is no such number.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _MAX_DIGITS else None
    if match is None:
        raise _no_number(text, element, attribute, "a number like 0x1f")
    hexadecimal, octal, decimal = match.groups()
    return int(hexadecimal or octal or decimal, 16 if hexadecimal else 8 if octal else 10)


def parse_decimal(text: str, element: etree._Element, attribute: str) -> int:
    """Read a controller's index, which libvirt takes for decimal whatever it begins with.

    Raises:
        RequestError: the text is no decimal number.
    """
    usual = text.isascii() and text.isdecimal()
    if len(text) > _MAX_DIGITS or not (usual or _DECIMAL.fullmatch(text)):
        raise _no_number(text, element, attribute, "a decimal number like 31")
    return int(text)


def _no_number(text: str, element: etree._Element, attribute: str, expected: str) -> RequestError:
    return RequestError(
        f"attribute {attribute} is no number",
        where=f"domain XML, {describe(element)}",
        found=shorten(text),
        expected=expected,
    )


def read_place(element: etree._Element) -> tuple[Place | None, bool]:
    """Read a device's guest address.

    Returns:
        the PCI address if it has one, and whether libvirt still has to find one: no
        ``<address>``, or ``<address type='pci'/>`` without figures.

    Raises:
        RequestError: the address is not one that a guest can have.
    """
    node = child_of(element, "address")
    if node is None:
        return None, True
    get = node.get
    if get("type", "pci") != "pci":
        return None, False
    place = _usual_place(get("domain"), get("bus"), get("slot"), get("function"))
    if place is None:
        place = _unusual_place(node, element)
    # A function alone is no address either (virPCIDeviceAddressIsEmpty).
    return (place, False) if place.bus or place.slot else (None, True)


@lru_cache(maxsize=1024)
def _usual_place(*texts: str | None) -> Place | None:
    """Read an address in the spelling of libvirt and KubeVirt, None if it is another."""
    parts = [0 if text is None else _USUAL.get(text) for text in texts]
    domain, bus, slot, function = parts
    if domain or bus is None or slot is None or function is None:
        return None
    usual = domain is not None and slot <= connect.LAST_SLOT and function <= connect.LAST_FUNCTION
    return Place(bus, slot, function) if usual else None


def _unusual_place(node: etree._Element, element: etree._Element) -> Place:
    address = _read(node, element)
    if address.domain:
        raise RequestError(
            "only PCI domain 0 exists in a guest",
            where=f"domain XML, {describe(element)}",
            found=str(address),
        )
    return Place(address.bus, address.slot, address.function)


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
    node = child_of(element, "address")
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
