# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.document import (
    MAX_BYTES,
    MAX_DEVICES,
    add_child,
    append_child,
    child_of,
    devices_named,
    devices_of,
    format_domain,
    insert_child,
    parse_domain,
    remove_child,
)
from sidecar.errors import RequestError
from tests.unit.domainxml.build import element, refusal


def text(root: etree._Element) -> str:
    return etree.tostring(root, encoding="unicode")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<domain", "domain XML: not well-formed: Couldn't find end of Start Tag domain line 1, "),
        (b"<network/>", "domain XML: wrong root element; found 'network'; expected <domain>"),
        (
            b"<domain xmlns='urn:x'/>",
            "domain XML: wrong root element; found '{urn:x}domain'; expected <domain>",
        ),
        (b"\xff<domain/>", "domain XML, byte 0: not UTF-8; expected UTF-8 text"),
        (b"<domain>\xe9</domain>", "domain XML, byte 8: not UTF-8; expected UTF-8 text"),
        (
            b"<!DOCTYPE domain><domain/>",
            "domain XML: a DOCTYPE is not accepted. libvirt's XML needs none; remove it.",
        ),
        (
            b" " * MAX_BYTES + b"<domain/>",
            f"domain XML: too large; found {MAX_BYTES + 9} bytes; expected at most {MAX_BYTES}",
        ),
        (
            b"<domain>" + b"<a b=''/>" * 50_000 + b"</domain>",
            "domain XML: too many elements and attributes; found about 100002; expected at most ",
        ),
        (
            b"<domain><devices>" + b"<a/>" * (MAX_DEVICES + 1) + b"</devices></domain>",
            "domain XML, <devices>: too many devices; found 2049; expected at most 2048",
        ),
        (
            b"<domain>" + (b"<devices>" + b"<a/>" * 1025 + b"</devices>") * 2 + b"</domain>",
            "domain XML, <devices>: too many devices; found 2050; expected at most 2048",
        ),
    ],
)
def test_refuses(data: bytes, message: str) -> None:
    assert str(refusal(RequestError, parse_domain, data)).startswith(message)


def test_bounds_themselves_are_fine() -> None:
    parse_domain(b"<domain>" + b" " * (MAX_BYTES - 17) + b"</domain>")
    parse_domain(b"<domain><devices>" + b"<a/>" * MAX_DEVICES + b"</devices></domain>")


def test_reasons_are_short() -> None:
    error = refusal(RequestError, parse_domain, b"<domain><" + b"a" * 9000 + b"></b></domain>")
    assert len(str(error)) < 300


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<domain/>", b"<domain/>"),
        (b"<domain/>\n", b"<domain/>\n"),
        (b"<domain/>\n\n", b"<domain/>\n"),
        (b"<?xml version='1.0'?><domain/>", b"<?xml version='1.0' encoding='UTF-8'?>\n<domain/>"),
        (
            "<?xml version='1.0' encoding='latin-1'?><domain>é</domain>".encode(),
            "<?xml version='1.0' encoding='UTF-8'?>\n<domain>é</domain>".encode(),
        ),
        (b"\xef\xbb\xbf<domain/>", b"<domain/>"),
        (b"<!--a--><?b c?><domain/><!--d-->", b"<!--a--><?b c?><domain/><!--d-->"),
        (
            b"<domain xmlns:q='urn:q'><q:a/><b xmlns='urn:b'/></domain>",
            b'<domain xmlns:q="urn:q"><q:a/><b xmlns="urn:b"/></domain>',
        ),
        (b"<domain><![CDATA[<&]]></domain>", b"<domain>&lt;&amp;</domain>"),
        (b"<domain a='&#10;&#9;&lt;'/>", b'<domain a="&#10;&#9;&lt;"/>'),
    ],
)
def test_writes_what_it_read(data: bytes, expected: bytes) -> None:
    assert format_domain(parse_domain(data), data) == expected


PRETTY = "<devices>\n    <a/>\n    <b/>\n  </devices>"


@pytest.mark.parametrize(
    ("before", "position", "after"),
    [
        (PRETTY, 2, "<devices>\n    <a/>\n    <b/>\n    <new/>\n  </devices>"),
        (PRETTY, 1, "<devices>\n    <a/>\n    <new/>\n    <b/>\n  </devices>"),
        (PRETTY, 0, "<devices>\n    <new/>\n    <a/>\n    <b/>\n  </devices>"),
        ("<devices/>", 0, "<devices><new/></devices>"),
        ("<devices><a/></devices>", 1, "<devices><a/><new/></devices>"),
        ("<devices>x<a/>y</devices>", 1, "<devices>x<a/>y<new/></devices>"),
        ("<devices>x<a/>y<b/></devices>", 1, "<devices>x<a/>y<new/><b/></devices>"),
        ("<devices>x<a/></devices>", 0, "<devices>x<new/><a/></devices>"),
        ("<devices><!--a--></devices>", 1, "<devices><!--a--><new/></devices>"),
    ],
)
def test_inserts_in_the_indentation(before: str, position: int, after: str) -> None:
    parent = element(before)
    insert_child(parent, position, etree.Element("new"))
    assert text(parent) == after


@pytest.mark.parametrize("indent", ["\n  ", "\n\t\t", "\n    "])
def test_indents_what_is_inside(indent: str) -> None:
    parent = element(f"<devices>{indent}<a/>\n</devices>")
    new = etree.Element("new")
    etree.SubElement(new, "inner")
    append_child(parent, new)
    unit = "\t" if "\t" in indent else "  "
    assert text(parent) == (
        f"<devices>{indent}<a/>{indent}<new>{indent}{unit}<inner/>{indent}</new>\n</devices>"
    )


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        (PRETTY, 1, "<devices>\n    <a/>\n  </devices>"),
        (PRETTY, 0, "<devices>\n    <b/>\n  </devices>"),
        ("<devices>x<a/>y</devices>", 0, "<devices>xy</devices>"),
        ("<devices><a/>x<b/>y</devices>", 1, "<devices><a/>xy</devices>"),
        ("<devices><a/>x<b/>y<c/></devices>", 1, "<devices><a/>xy<c/></devices>"),
        ("<devices><a/></devices>", 0, "<devices/>"),
    ],
)
def test_removes_no_text(before: str, index: int, after: str) -> None:
    parent = element(before)
    remove_child(parent, parent[index])
    assert text(parent) == after


@pytest.mark.parametrize("before", [PRETTY, "<devices/>", "<devices>x<a/>y</devices>"])
def test_removing_undoes_appending(before: str) -> None:
    parent = element(before)
    remove_child(parent, add_child(parent, "new", name="value"))
    assert text(parent) == before


def test_finds_children_of_no_namespace() -> None:
    parent = element("<a xmlns:x='urn:x'><x:b n='0'/><c><b n='1'/></c><b n='2'/><b n='3'/></a>")
    found = child_of(parent, "b")
    assert found is not None
    assert found.get("n") == "2"
    assert child_of(parent, "d") is None


def test_finds_devices_in_all_places() -> None:
    domain = element(
        "<domain><devices><b/><a/></devices><x><a/></x><devices><a/></devices></domain>"
    )
    assert [e.tag for e in devices_named(domain, "a", "b")] == ["b", "a", "a"]
    assert devices_of(domain) is domain[0]


def test_makes_devices_where_there_are_none() -> None:
    domain = element("<domain>\n  <name/>\n</domain>")
    devices_of(domain)
    assert text(domain) == "<domain>\n  <name/>\n  <devices/>\n</domain>"
