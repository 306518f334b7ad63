# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress


@pytest.mark.parametrize(
    ("text", "address", "canonical"),
    [
        ("0000:3b:02.1", PciAddress(0, 0x3B, 2, 1), "0000:3b:02.1"),
        ("3b:02.1", PciAddress(0, 0x3B, 2, 1), "0000:3b:02.1"),
        ("ABCD:FF:1f.7", PciAddress(0xABCD, 0xFF, 0x1F, 7), "abcd:ff:1f.7"),
        ("0000:00:00.0", PciAddress(0, 0, 0), "0000:00:00.0"),
        ("10000:80:05.0", PciAddress(0x10000, 0x80, 5), "10000:80:05.0"),
        ("ffffffff:00:00.0", PciAddress(0xFFFFFFFF, 0, 0), "ffffffff:00:00.0"),
    ],
)
def test_parse_and_print(text: str, address: PciAddress, canonical: str) -> None:
    assert PciAddress.parse(text) == address
    assert str(address) == canonical
    assert PciAddress.parse(canonical) == address


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not a PCI address"),
        ("0000:3b:02", "not a PCI address"),
        ("0000:3b:02.8", "not a PCI address"),
        ("0000:3b:2.1", "not a PCI address"),
        ("00010000:3b:02.1", "not a PCI address"),
        ("100000000:3b:02.1", "not a PCI address"),
        ("123:3b:02.1", "not a PCI address"),
        ("0x3b:02.1", "not a PCI address"),
        (" 3b:02.1", "not a PCI address"),
        ("3b:02.1\n", "not a PCI address"),
        ("٣b:02.1", "not a PCI address"),
        ("0000:3b:20.0", "PCI slot is out of range"),
        ("0000:3b:ff.0", "PCI slot is out of range"),
    ],
)
def test_parse_refuses(text: str, what: str) -> None:
    with pytest.raises(RequestError) as caught:
        PciAddress.parse(text)
    assert caught.value.what == what


@pytest.mark.parametrize(
    ("parts", "what", "expected"),
    [
        ((0x1_0000_0000, 0, 0, 0), "PCI domain is out of range", "0 to 0xffffffff"),
        ((0, 0x100, 0, 0), "PCI bus is out of range", "0 to 0xff"),
        ((0, 0, 0x20, 0), "PCI slot is out of range", "0 to 0x1f"),
        ((0, 0, 0, 8), "PCI function is out of range", "0 to 0x7"),
        ((0, 0, -1, 0), "PCI slot is out of range", "0 to 0x1f"),
    ],
)
def test_parts_have_ranges(parts: tuple[int, int, int, int], what: str, expected: str) -> None:
    with pytest.raises(RequestError) as caught:
        PciAddress(*parts)
    assert (caught.value.what, caught.value.expected) == (what, expected)


def test_order_is_that_of_the_bus() -> None:
    texts = ["0000:00:02.0", "0000:00:10.0", "0000:02:00.0", "0001:00:00.0", "0001:00:00.1"]
    assert sorted(map(PciAddress.parse, reversed(texts))) == list(map(PciAddress.parse, texts))
