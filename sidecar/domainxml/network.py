# SPDX-License-Identifier: Apache-2.0
"""A pool's ``<network>``: libvirt's own element, with ``<vf num='N'/>`` inside ``<pf>``.

libvirt never took ``<vf>``: it is read and removed before libvirt sees the network, and written
back for people. All else stays as it is.
"""

import re
from typing import Final

from lxml import etree

from sidecar.domainxml.document import (
    append_child,
    child_of,
    format_domain,
    insert_child,
    parse_xml,
    remove_child,
)
from sidecar.errors import RequestError, shorten
from sidecar.model.pool import PoolDefinition
from sidecar.model.vf import MAX_FUNCTIONS

_WHERE: Final = "network XML"
_FORWARD: Final = f"{_WHERE}, <forward>"
_PF: Final = f"{_FORWARD}/<pf>"
_VF: Final = f"{_PF}/<vf>"
_EXAMPLE: Final = (
    "<forward mode='hostdev' managed='yes'><pf dev='eth1'><vf num='10'/></pf></forward>"
)
_NAME = re.compile(r"[^/\x00-\x1f\x7f]+")
"""What libvirt takes for a network's name; it names a file, here and there."""
_INTERFACE = re.compile(r"(?!\.{1,2}\Z)[^/:\s]{1,15}")
"""``dev_valid_name()`` of the kernel; libvirt knows no alternative names."""
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)
_WRITTEN_BY_LIBVIRT: Final = frozenset({"connections"})
"""Attributes of ``<pf>`` in the XML of an active network."""


def read_network(xml: bytes) -> tuple[PoolDefinition, bytes]:
    """Read a pool's network, and take ``<vf>`` out of it.

    Returns:
        what the pool is, and the network for libvirt: the same bytes if there is no ``<vf>``.

    Raises:
        RequestError: the network is no pool, or says something that neither libvirt nor we
            would follow.
    """
    network = parse_xml(xml, "network")
    name = _read_name(network)
    forward = _only(network, "forward", _WHERE)
    if forward.get("mode") != "hostdev":
        raise RequestError(
            "a pool forwards to VFs",
            where=_FORWARD,
            found=f"mode {shorten(forward.get('mode', 'nat'))}",
            expected="mode='hostdev'",
        )
    pf = _only(forward, "pf", _FORWARD)
    _check_sources(forward)
    _check_strays(network, pf)
    definition = PoolDefinition(name, _read_interface(pf), _read_minimum(pf))
    vf = child_of(pf, "vf")
    if vf is None:
        return definition, xml
    remove_child(pf, vf)
    if not len(pf) and not (pf.text or "").strip():
        pf.text = None
    return definition, format_domain(network, xml)


def write_minimum(xml: bytes, minimum: int | None) -> bytes:
    """Write ``<vf>`` back into a pool's network, as libvirt told it.

    Raises:
        RequestError: the network is no pool.
    """
    if minimum is None:
        return xml
    network = parse_xml(xml, "network")
    pf = _only(_only(network, "forward", _WHERE), "pf", _FORWARD)
    insert_child(pf, 0, etree.Element("vf", num=str(minimum)))
    _break_lines(pf)
    return format_domain(network, xml)


def read_identity(xml: bytes) -> tuple[str, str]:
    """Return a network's name, and its UUID if it names one (else empty).

    Raises:
        RequestError: the network has no name, or several.
    """
    network = parse_xml(xml, "network")
    return _read_name(network), (network.findtext("uuid") or "").strip()


def with_uuid(xml: bytes, uuid: str) -> bytes:
    """Give a network, which names none, a UUID: by that libvirt knows which one to redefine."""
    network = parse_xml(xml, "network")
    element = etree.Element("uuid")
    element.text = uuid
    name = child_of(network, "name")
    if name is None:
        append_child(network, element)
    else:
        insert_child(network, network.index(name) + 1, element)
    return format_domain(network, xml)


def _read_name(network: etree._Element) -> str:
    name = _only(network, "name", _WHERE).text or ""
    if _NAME.fullmatch(name) is None or name in {".", ".."}:
        raise RequestError(
            "a pool needs a name",
            where=f"{_WHERE}, <name>",
            found=shorten(name),
            expected="a text without / and control characters",
        )
    return name


def _only(parent: etree._Element, tag: str, where: str) -> etree._Element:
    found = list(parent.iterchildren(tag))
    if len(found) != 1:
        raise RequestError(
            f"a pool has exactly one <{tag}>",
            where=where,
            found=str(len(found)) if found else "none",
            expected="" if tag == "name" else _EXAMPLE,
        )
    return found[0]


def _check_sources(forward: etree._Element) -> None:
    """Demand that the VFs come from the PF alone, as libvirt does."""
    for tag in ("address", "interface"):
        if child_of(forward, tag) is not None:
            raise RequestError(
                "a pool takes its VFs from its PF, and from nothing else",
                where=_FORWARD,
                found=f"<{tag}> beside <pf>",
                expected="<pf> alone",
                todo="An active network shows its VFs so; virsh net-dumpxml --inactive leaves "
                "them out.",
            )


def _check_strays(network: etree._Element, pf: etree._Element) -> None:
    """Refuse ``<vf>`` at any other place, where it would do nothing."""
    for vf in network.iter("vf"):
        parent = vf.getparent()
        if parent is pf or any(above.tag == "metadata" for above in vf.iterancestors()):
            continue
        raise RequestError(
            "<vf> is not inside <pf>",
            where=f"{_WHERE}, line {vf.sourceline}",
            found=f"<vf> inside <{parent.tag if parent is not None else ''}>",
            expected=_EXAMPLE,
        )


def _read_interface(pf: etree._Element) -> str:
    for attribute in pf.attrib:
        if attribute != "dev" and attribute not in _WRITTEN_BY_LIBVIRT:
            raise _unknown_attribute(str(attribute), _PF, "dev")
    for child in pf.iterchildren(etree.Element):
        if child.tag != "vf":
            raise RequestError(
                "<pf> has a child that means nothing",
                where=_PF,
                found=shorten(child.tag),
                expected="<vf> or none",
            )
    name = pf.get("dev", "")
    if _INTERFACE.fullmatch(name) is None:
        raise RequestError(
            "a pool needs its PF's network interface",
            where=f"{_PF}, attribute dev",
            found=shorten(name),
            expected="an interface's name of up to 15 characters, like eth1",
        )
    return name


def _read_minimum(pf: etree._Element) -> int | None:
    found = list(pf.iterchildren("vf"))
    if not found:
        return None
    if len(found) > 1:
        raise RequestError(
            "<pf> has at most one <vf>", where=_PF, found=str(len(found)), expected=_EXAMPLE
        )
    vf = found[0]
    for attribute in vf.attrib:
        if attribute != "num":
            raise _unknown_attribute(str(attribute), _VF, "num")
    if len(vf) or (vf.text or "").strip():
        content = vf[0].tag if len(vf) else vf.text
        raise RequestError(
            "<vf> has content", where=_VF, found=shorten(content), expected="<vf num='10'/>"
        )
    text = vf.get("num")
    if text is None or _NUMBER.fullmatch(text) is None or not 1 <= int(text) <= MAX_FUNCTIONS:
        raise RequestError(
            "<vf> says how many VFs there must be at least",
            where=f"{_VF}, attribute num",
            found="none" if text is None else shorten(text),
            expected=f"a number from 1 to {MAX_FUNCTIONS}",
        )
    return int(text)


def _unknown_attribute(name: str, where: str, known: str) -> RequestError:
    return RequestError(
        "an attribute that means nothing",
        where=where,
        found=shorten(name),
        expected=f"attribute {known} alone",
    )


def _break_lines(pf: etree._Element) -> None:
    """Indent what is now inside ``<pf/>`` as libvirt would: two spaces a level."""
    depth = sum(1 for _ in pf.iterancestors())
    if pf.tail is not None and "\n" in pf.tail:
        etree.indent(pf, space="  ", level=depth)
