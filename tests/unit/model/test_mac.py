# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("52:54:00:12:34:56", "52:54:00:12:34:56"),
        ("DE-AD-00-00-BE-AF", "de:ad:00:00:be:af"),
        ("De:aD:00:00:Be:aF", "de:ad:00:00:be:af"),
        ("00:00:00:00:00:01", "00:00:00:00:00:01"),
    ],
)
def test_parse_gives_one_spelling(text: str, expected: str) -> None:
    mac = MacAddress.parse(text)
    assert (str(mac), mac) == (expected, MacAddress(expected))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not a MAC address"),
        ("52:54:00:12:34", "not a MAC address"),
        ("52:54:00:12:34:56:78", "not a MAC address"),
        ("52:54:00:12:34:5g", "not a MAC address"),
        ("52:54:00:12:34-56", "not a MAC address"),
        ("525400123456", "not a MAC address"),
        ("52:54:00:12:34:56\n", "not a MAC address"),
        ("5254.0012.3456", "not a MAC address"),
        ("01:00:5e:00:00:01", "a multicast MAC address cannot belong to an interface"),
        ("ff:ff:ff:ff:ff:ff", "a multicast MAC address cannot belong to an interface"),
        ("00:00:00:00:00:00", "the MAC address is all zero"),
    ],
)
def test_parse_refuses(text: str, what: str) -> None:
    with pytest.raises(RequestError) as caught:
        MacAddress.parse(text)
    assert caught.value.what == what


@pytest.mark.parametrize("text", ["52-54-00-12-34-56", "DE:AD:00:00:BE:AF"])
def test_a_value_has_one_spelling_only(text: str) -> None:
    with pytest.raises(RequestError, match="lower-case"):
        MacAddress(text)
