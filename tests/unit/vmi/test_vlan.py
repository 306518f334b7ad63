# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.model.request import NativeMode, Vlan
from sidecar.vmi.field import Field
from sidecar.vmi.vlan import read_vlan

UNTAGGED, TAGGED = NativeMode.UNTAGGED, NativeMode.TAGGED


def native(tags: tuple[int, ...], tag: int, mode: NativeMode) -> Vlan:
    return Vlan(tags, trunk=True, native=tag, native_mode=mode)


@pytest.mark.parametrize(
    ("value", "vlan"),
    [
        ({"id": 1}, Vlan((1,))),
        ({"id": 4094}, Vlan((4094,))),
        ({"trunk": [10]}, Vlan((10,), trunk=True)),
        ({"trunk": [20, 10]}, Vlan((20, 10), trunk=True)),
        ({"trunk": [10, 20], "native": 20}, native((10, 20), 20, UNTAGGED)),
        ({"trunk": [10, 20], "native": {"id": 10}}, native((10, 20), 10, UNTAGGED)),
        ({"trunk": [9], "native": {"id": 9, "mode": "tagged"}}, native((9,), 9, TAGGED)),
        ({"trunk": [9], "native": {"id": 9, "mode": "untagged"}}, native((9,), 9, UNTAGGED)),
        ({"trunk": list(range(1, 4095))}, Vlan(tuple(range(1, 4095)), trunk=True)),
    ],
)
def test_reads_every_form(value: object, vlan: Vlan) -> None:
    assert read_vlan(Field("F", value)) == vlan


@pytest.mark.parametrize(
    ("value", "path", "part"),
    [
        (100, "", "expected an object"),
        ([100], "", "expected an object"),
        ({}, "", "found neither"),
        ({"native": 1}, "", "found neither"),
        ({"id": 1, "trunk": [1]}, "", "found both"),
        ({"id": 1, "tag": 1}, ".tag", "expected one of id, native, trunk"),
        ({"id": 0}, ".id", "expected 1 to 4094"),
        ({"id": 4095}, ".id", "out of range"),
        ({"id": -5}, ".id", "out of range"),
        ({"id": "100"}, ".id", "expected an integer"),
        ({"id": True}, ".id", "expected an integer"),
        ({"id": 1.0}, ".id", "expected an integer"),
        ({"id": None}, ".id", "expected an integer"),
        ({"id": 1, "native": 1}, ".native", "belongs to a trunk"),
        ({"trunk": 1}, ".trunk", "expected a list"),
        ({"trunk": []}, ".trunk", "an empty trunk"),
        ({"trunk": [1, 2, 1]}, ".trunk[2]", "stands twice"),
        ({"trunk": [1, 4095]}, ".trunk[1]", "out of range"),
        ({"trunk": [[1]]}, ".trunk[0]", "expected an integer"),
        ({"trunk": [1], "native": 2}, ".native", "expected one of [1]"),
        ({"trunk": [1], "native": 0}, ".native", "out of range"),
        ({"trunk": [1], "native": "1"}, ".native", "expected an integer"),
        ({"trunk": [1], "native": {}}, ".native", "without id"),
        ({"trunk": [1], "native": {"id": 2}}, ".native.id", "not among"),
        ({"trunk": [1], "native": {"id": 1, "mode": "both"}}, ".native.mode", "tagged or untagged"),
        ({"trunk": [1], "native": {"id": 1, "mode": 1}}, ".native.mode", "expected a string"),
        ({"trunk": [1], "native": {"id": 1, "x": 1}}, ".native.x", "expected one of id, mode"),
    ],
)
def test_refuses_at_its_place(value: object, path: str, part: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_vlan(Field("F", value, "$[0].vlan"))
    assert caught.value.where == f"F, at $[0].vlan{path}"
    assert part in str(caught.value)
