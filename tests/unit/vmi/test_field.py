# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable

import pytest

from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress
from sidecar.vmi.field import Field, describe, enumerate_names
from sidecar.vmi.path import element, member


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (member("$", "vlan"), "$.vlan"),
        (member(element("$", 0), "max-ports"), "$[0].max-ports"),
        (member("$", "a.b"), '$["a.b"]'),
        (member("$", "1"), '$["1"]'),
        (member("$", ""), '$[""]'),
        (member("$", 'q"\n\ud800'), '$["q\\"\\n\\ud800"]'),
        (member("$", "k" * 63), f"$.{'k' * 63}"),
        (member("$", "k" * 64), f'$["{"k" * 60}..."]'),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", '"a"'),
        (1, "1"),
        (True, "true"),
        (None, "null"),
        ({"secret": 1}, "an object"),
        (["secret"], "a list"),
        ("ü\ud800\n", '"\\u00fc\\ud800\\n"'),
        ("x" * 78, f'"{"x" * 78}"'),
        ("x" * 79, f'"{"x" * 76}...'),
        ("x" * 10**6, f'"{"x" * 76}...'),
        (10**100, f"1{'0' * 76}..."),
    ],
)
def test_found_is_short_ascii_json(value: object, text: str) -> None:
    assert describe(value) == text


def test_a_dozen_names_are_listed() -> None:
    assert enumerate_names([]) == "none"
    assert enumerate_names(["a", "b"]) == '"a", "b"'
    assert enumerate_names(map(str, range(12))).endswith('"10", "11"')
    assert enumerate_names(map(str, range(20))).endswith('"11", 8 more')


@pytest.mark.parametrize(
    ("access", "accepted", "expected"),
    [
        (Field.text, "x", "a string"),
        (Field.integer, 7, "an integer"),
        (Field.boolean, False, "true or false"),
        (Field.elements, [], "a list"),
        (Field.members, {}, "an object"),
    ],
)
def test_every_access_refuses_the_other_types(
    access: Callable[[Field], object], accepted: object, expected: str
) -> None:
    assert access(Field("F", accepted)) == accepted
    values: tuple[object, ...] = ("x", 7, 1.0, False, None, [], {})
    for value in values:
        if type(value) is not type(accepted):
            with pytest.raises(RequestError) as caught:
                access(Field("F", value))
            assert (caught.value.where, caught.value.expected) == ("F, at $", expected)


def test_children_know_their_path() -> None:
    field = Field("F", {"a": [{"b": 1}]})
    assert [child.where for child in field.members()["a"].elements()] == ["F, at $.a[0]"]
    found = field.get("a")
    assert found is not None
    with pytest.raises(RequestError) as caught:
        found.get("x")
    assert caught.value.where == "F, at $.a"


@pytest.mark.parametrize("value", [{}, {"a": None}, {"a": {}}, {"a": {"b": None}}])
def test_get_takes_null_for_absent(value: object) -> None:
    assert Field("F", value).get("a", "b") is None


def test_unknown_keys_list_the_known() -> None:
    with pytest.raises(RequestError) as caught:
        Field("F", {"b": 1, "vlam": 2}).members({"c", "b", "a"})
    error = caught.value
    assert (error.where, error.found, error.expected) == (
        "F, at $.vlam",
        '"vlam"',
        "one of a, b, c",
    )


def test_errors_of_values_get_their_place() -> None:
    assert Field("F", "3b:02.1").parse(PciAddress.parse) == PciAddress(0, 0x3B, 2, 1)
    with pytest.raises(RequestError) as caught:
        Field("F", "x", "$.address").parse(PciAddress.parse)
    assert caught.value.where == "F, at $.address"
    assert caught.value.what == "not a PCI address"
