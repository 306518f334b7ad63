# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.model.settings import PortVlan
from sidecar.vmi.field import Field
from sidecar.vmi.vlan import read_vlan


@pytest.mark.parametrize("number", [1, 100, 4094])
def test_reads_one_id(number: int) -> None:
    assert read_vlan(Field("F", {"id": number})) == PortVlan(number)


@pytest.mark.parametrize(
    ("value", "path", "part"),
    [
        (100, "", "found 100; expected an object"),
        (None, "", "expected an object"),
        ({}, "", "a VLAN without id"),
        ({"id": 1, "tag": 1}, ".tag", "expected one of id"),
        ({"id": 1, "qos": 3}, ".qos", "expected one of id"),
        ({"id": 0}, ".id", "expected 1 to 4094"),
        ({"id": 4095}, ".id", "out of range"),
        ({"id": -5}, ".id", "out of range"),
        ({"id": "100"}, ".id", "expected an integer"),
        ({"id": True}, ".id", "expected an integer"),
        ({"id": 1.0}, ".id", "expected an integer"),
        ({"id": None}, ".id", "expected an integer"),
    ],
)
def test_refuses_at_its_place(value: object, path: str, part: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_vlan(Field("F", value, "$[0].vlan"))
    assert caught.value.where == f"F, at $[0].vlan{path}"
    assert part in str(caught.value)


LONG = "[" + ", ".join(str(tag) for tag in range(10, 99))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"trunk": [10, 20]}, '{"trunk": [10, 20]}'),
        ({"trunk": []}, '{"trunk": []}'),
        ({"trunk": "10-20"}, '{"trunk": "10-20"}'),
        ({"trunk": [10], "native": {"id": 10}}, '{"trunk": [10], "native": {"id": 10}}'),
        ({"id": 10, "trunk": [10]}, '{"id": 10, "trunk": [10]}'),
        ({"id": 10, "native": 10}, '{"id": 10, "native": 10}'),
        ({"id": [10, 20]}, '{"id": [10, 20]}'),
        ([10, 20], "[10, 20]"),
        (list(range(10, 99)), f"{LONG[:77]}..."),
    ],
)
def test_a_trunk_is_refused_with_its_value(value: object, found: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_vlan(Field("F", value, "$[0].vlan"))
    assert str(caught.value) == (
        f"F, at $[0].vlan: a VF has one VLAN: nothing can set a trunk for it; found {found}; "
        'expected an object like {"id": 100}. Leave vlan out if the guest tags its frames itself'
    )
