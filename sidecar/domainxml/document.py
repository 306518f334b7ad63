# SPDX-License-Identifier: Apache-2.0
"""libvirt's XML as bytes and as a tree: of domains, and of networks by the same rules.

Parsing is bounded and closed: UTF-8 only, no DTD, no entities but XML's own, no network,
``MAX_BYTES`` of input and libxml2's limit of 256 on depth. The tree keeps what it holds:
comments, foreign namespaces, processing instructions.
"""

from lxml import etree

from sidecar.errors import RequestError, shorten

MAX_BYTES = 4 * 1024 * 1024
"""KubeVirt refuses larger replies (gRPC's default limit), so larger requests make no sense."""

MAX_DEVICES = 2048
"""Most children of ``<devices>``, eight for each PCI bus number: sorting them as libvirt does
takes time that grows with their square, here about a second."""

MAX_MARKUP = 50_000
"""Most ``<`` and ``=``. An element or attribute takes up to 250 bytes here, and the hook has
64 MB; a domain of 50 devices has under 2000."""

_MAX_REASON = 200
_BOM = b"\xef\xbb\xbf"
_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    huge_tree=False,
    collect_ids=False,
    encoding="UTF-8",
)
"""Keeps nothing of one document for the next; lxml lets one thread at a time use it."""


def parse_domain(data: bytes) -> etree._Element:
    """Parse domain XML and return its ``<domain>`` element.

    Raises:
        RequestError: too large, not UTF-8, not well-formed, with a DTD, or no ``<domain>``.
    """
    root = parse_xml(data, "domain")
    devices = sum(len(child) for child in root.iterchildren("devices"))
    if devices > MAX_DEVICES:
        raise RequestError(
            "too many devices",
            where="domain XML, <devices>",
            found=str(devices),
            expected=f"at most {MAX_DEVICES}",
        )
    return root


def parse_xml(data: bytes, tag: str) -> etree._Element:
    """Parse XML and return its root element, which must be ``tag``.

    Raises:
        RequestError: too large, not UTF-8, not well-formed, with a DTD, or another element.
    """
    where = f"{tag} XML"
    _check_bytes(data, where)
    try:
        root = etree.fromstring(data, _PARSER)
    except (etree.XMLSyntaxError, ValueError) as error:
        # libxml2 quotes names in full, however long they are.
        raise RequestError(f"not well-formed: {str(error)[:_MAX_REASON]}", where=where) from None
    if root.tag != tag:
        raise RequestError(
            "wrong root element", where=where, found=shorten(root.tag), expected=f"<{tag}>"
        )
    return root


def format_domain(root: etree._Element, original: bytes) -> bytes:
    """Write a document back, with an XML declaration only if ``original`` had one."""
    declared = original.removeprefix(_BOM).startswith(b"<?xml")
    text: bytes = etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=declared)
    return text + b"\n" if original.endswith(b"\n") else text


def _check_bytes(data: bytes, where: str) -> None:
    if len(data) > MAX_BYTES:
        raise RequestError(
            "too large",
            where=where,
            found=f"{len(data)} bytes",
            expected=f"at most {MAX_BYTES}",
        )
    markup = data.count(b"<") + data.count(b"=")
    if markup > MAX_MARKUP:
        raise RequestError(
            "too many elements and attributes",
            where=where,
            found=f"about {markup}",
            expected=f"at most {MAX_MARKUP}",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError(
            "not UTF-8", where=f"{where}, byte {error.start}", expected="UTF-8 text"
        ) from None
    if _has_doctype(text.removeprefix("\ufeff")):
        raise RequestError(
            "a DOCTYPE is not accepted",
            where=where,
            todo="libvirt's XML needs none; remove it.",
        )


def _has_doctype(text: str) -> bool:
    """Look for a DOCTYPE in front of the root element; it can stand nowhere else."""
    position = 0
    while True:
        while text[position : position + 1].isspace():
            position += 1
        if text.startswith("<?", position):
            close, begin = "?>", position + 2
        elif text.startswith("<!--", position):
            close, begin = "-->", position + 4
        else:
            return text.startswith("<!", position)
        end = text.find(close, begin)
        if end < 0:
            return False
        position = end + len(close)


def devices_named(domain: etree._Element, *tags: str) -> list[etree._Element]:
    """List the devices of these element names, in document order."""
    return [
        child for devices in domain.iterchildren("devices") for child in devices.iterchildren(*tags)
    ]


def child_of(element: etree._Element, tag: str) -> etree._Element | None:
    """Return the first child of that name; several times faster than ``find``.

    Devices have a handful of children, and lxml takes longer to make a filtering iterator
    than this takes to look at them.
    """
    for child in element:
        if child.tag == tag:
            return child
    return None


def alias_of(element: etree._Element) -> str:
    """Return a device's alias, empty if it has none."""
    alias = child_of(element, "alias")
    return "" if alias is None else alias.get("name", "")


def devices_of(domain: etree._Element) -> etree._Element:
    """Return the domain's ``<devices>``, made if it has none."""
    devices = child_of(domain, "devices")
    return add_child(domain, "devices") if devices is None else devices


def append_child(parent: etree._Element, child: etree._Element) -> None:
    """Append an element in the indentation of a pretty-printed parent."""
    insert_child(parent, len(parent), child)


def add_child(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    """Make an element below another, in the parent's indentation."""
    child = etree.Element(tag, attributes)
    append_child(parent, child)
    return child


def insert_child(parent: etree._Element, position: int, child: etree._Element) -> None:
    """Insert an element at a position in the indentation of a pretty-printed parent."""
    _indent(parent, child)
    if position:
        before = parent[position - 1]
        if _is_blank(before.tail):
            child.tail = before.tail
            if position == len(parent):
                before.tail = parent.text if _is_blank(parent.text) else None
    elif len(parent):
        child.tail = parent.text if _is_blank(parent.text) else None
    parent.insert(position, child)


def remove_child(parent: etree._Element, child: etree._Element) -> None:
    """Remove an element, but neither text behind it nor the indentation of its sibling."""
    before = child.getprevious()
    if before is None:
        if not _is_blank(child.tail):
            parent.text = (parent.text or "") + (child.tail or "")
    elif _is_blank(child.tail):
        if child.getnext() is None and _is_blank(before.tail):
            before.tail = child.tail
    else:
        before.tail = (before.tail or "") + (child.tail or "")
    parent.remove(child)


def _is_blank(text: str | None) -> bool:
    return not text or text.isspace()


def _indent(parent: etree._Element, child: etree._Element) -> None:
    """Indent what is below a new child as the parent's children are indented."""
    text = parent.text or ""
    if not len(child) or not text.startswith("\n") or not text.isspace():
        return
    unit = "\t" if "\t" in text else "  "
    etree.indent(child, space=unit, level=max(0, text.count(unit)))
