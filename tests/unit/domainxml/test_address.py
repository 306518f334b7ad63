# SPDX-License-Identifier: Apache-2.0
import pytest
from lxml import etree

from sidecar.domainxml.address import (
    describe,
    parse_decimal,
    parse_number,
    read_host_address,
    read_place,
    write_host_address,
    write_place,
)
from sidecar.domainxml.addressing.buses import Place
from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress
from tests.unit.domainxml.build import element, refusal

RNG = element("<rng><alias name='ua-r'/></rng>")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("7", 7), ("31", 31), ("0x1f", 31), ("0X1F", 31), ("037", 31), ("00", 0)),
        *(
            (" 5", 5),
            ("+5", 5),
            ("\t\n0x10", 16),
            ("0x0000", 0),
            ("18446744073709551615", 2**64 - 1),
        ),
    ],
)
def test_numbers_as_libvirt_reads_them(text: str, number: int) -> None:
    assert parse_number(text, RNG, "bus") == number


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "x", "0x", "08", "5 ", "-1", "- 1", "0b11", "0o17", "1_000", "1.0", "1e3", "٣"),
        *("0xg", "++1", "5x", "0x1f ", "9" * 21, "\u00a05"),
    ],
)
def test_what_is_no_number(text: str) -> None:
    error = refusal(RequestError, parse_number, text, RNG, "bus")
    assert error.what == "attribute bus is no number"
    assert error.where == "domain XML, <rng> with alias ua-r"
    assert error.found == repr(text)
    assert error.expected == "a number like 0x1f"


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("010", 10), (" +08", 8)])
def test_decimals(text: str, number: int) -> None:
    assert parse_decimal(text, RNG, "index") == number


@pytest.mark.parametrize("text", ["0x5", "-5", "5 ", "", "٣", "1_0", "9" * 21])
def test_what_is_no_decimal(text: str) -> None:
    error = refusal(RequestError, parse_decimal, text, RNG, "index")
    assert (error.what, error.expected) == (
        "attribute index is no number",
        "a decimal number like 31",
    )


@pytest.mark.parametrize(
    ("xml", "name"),
    [
        ("<rng><alias name='ua-r'/></rng>", "<rng> with alias ua-r"),
        ("<rng index='1'><alias name='ua-r'/></rng>", "<rng> with alias ua-r"),
        ("<controller type='pci' index='5'/>", "<controller type='pci' index='5'>"),
        ("<controller index='5'><alias/></controller>", "<controller type='' index='5'>"),
        ("\n\n<rng/>", "<rng> in line 3"),
        (f"<rng><alias name='{'a' * 500}'/></rng>", f"<rng> with alias {'a' * 80}"),
        (
            f"<rng type='{'t' * 500}' index='{'9' * 500}'/>",
            f"<rng type='{'t' * 80}' index='{'9' * 80}'>",
        ),
    ],
)
def test_elements_by_name(xml: str, name: str) -> None:
    assert describe(element(xml)) == name


def test_an_element_of_ours_has_no_line() -> None:
    assert describe(etree.Element("rng")) == "<rng>"


@pytest.mark.parametrize(
    ("address", "place", "wanted"),
    [
        ("", None, True),
        ("<address type='pci'/>", None, True),
        ("<address type='pci' domain='0' bus='0' slot='0' function='0'/>", None, True),
        ("<address bus='1'/>", Place(1, 0, 0), False),
        ("<address type='pci' bus='0x0a' slot='037' function='7'/>", Place(10, 31, 7), False),
        ("<address type='pci' slot='1'/>", Place(0, 1, 0), False),
        ("<address type='pci' function='1'/>", None, True),
        ("<address type='pci' domain='0x0' bus='00' slot='0' function='0x7'/>", None, True),
        ("<address type='unassigned'/>", None, False),
        ("<address type='virtio-mmio'/>", None, False),
        ("<address type='drive' controller='0' bus='zz'/>", None, False),
        ("<x:address xmlns:x='urn:x' type='pci' bus='1'/>", None, True),
        ("<source><address type='pci' bus='1'/></source>", None, True),
    ],
)
def test_reads_places(address: str, place: Place | None, wanted: bool) -> None:
    assert read_place(element(f"<rng>{address}</rng>")) == (place, wanted)


@pytest.mark.parametrize(
    ("attributes", "what", "found", "where"),
    [
        ("bus='x'", "attribute bus is no number", "'x'", ""),
        ("bus='256'", "PCI bus is out of range", "256", ", <address>"),
        ("slot='32'", "PCI slot is out of range", "32", ", <address>"),
        ("function='8'", "PCI function is out of range", "8", ", <address>"),
        ("domain='65536'", "only PCI domain 0 exists in a guest", "10000:00:00.0", ""),
        ("domain='1' bus='2'", "only PCI domain 0 exists in a guest", "0001:02:00.0", ""),
    ],
)
def test_refuses_places(attributes: str, what: str, found: str, where: str) -> None:
    rng = element(f"<rng><alias name='ua-r'/><address type='pci' {attributes}/></rng>")
    error = refusal(RequestError, read_place, rng)
    assert (error.what, error.found) == (what, found)
    assert error.where == f"domain XML, <rng> with alias ua-r{where}"


def test_a_host_may_have_other_domains() -> None:
    node = element("<address domain='0x10' bus='0x3b' slot='0x02' function='0x1'/>")
    assert read_host_address(node, RNG) == PciAddress(0x10, 0x3B, 2, 1)


@pytest.mark.parametrize("before", ["<rng/>", "<rng><address type='pci'/></rng>"])
def test_what_is_written_reads_back(before: str) -> None:
    rng = element(before)
    write_place(rng, Place(0xAB, 0x1E, 7))
    assert etree.tostring(rng) == (
        b'<rng><address type="pci" domain="0x0000" bus="0xab" slot="0x1e" function="0x7"/></rng>'
    )
    assert read_place(rng) == (Place(0xAB, 0x1E, 7), False)


@pytest.mark.parametrize(("typed", "first"), [(True, b'type="pci" '), (False, b"")])
def test_writes_host_addresses(typed: bool, first: bytes) -> None:
    source = element("<source/>")
    write_host_address(source, PciAddress(1, 0x3B, 2, 1), typed=typed)
    assert etree.tostring(source) == (
        b"<source><address "
        + first
        + b'domain="0x0001" bus="0x3b" slot="0x02" function="0x1"/></source>'
    )
