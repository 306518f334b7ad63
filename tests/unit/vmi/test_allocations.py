# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.model.pci import PciAddress
from sidecar.vmi.request import parse_request
from tests.unit.vmi.build import check, refusal, vfs, vmi

ENTRIES = (
    {"name": "a", "pool": "p"},
    {"name": "b", "pool": "p"},
    {"name": "own", "address": "0000:3b:02.0"},
)
WHERE = "annotation portside.io/vf-allocations"


def test_a_pool_entry_gets_its_vf() -> None:
    request = parse_request(vfs(*ENTRIES, **{"vf-allocations": {"b": "3b:02.1"}}))
    assert [(entry.name, entry.pool, entry.address) for entry in request.vfs] == [
        ("a", "p", None),
        ("b", "p", PciAddress(0, 0x3B, 2, 1)),
        ("own", None, PciAddress(0, 0x3B, 2, 0)),
    ]


def test_no_allocations_are_none() -> None:
    assert parse_request(vmi({"vf-allocations": {}})).asks_nothing


@pytest.mark.parametrize(
    ("allocations", "path", "parts"),
    [
        ([], "", ("expected an object",)),
        ({"c": "3b:02.1"}, ".c", ("no entry of portside.io/vfs", 'found "c"')),
        ({"own": "3b:02.1"}, ".own", ("gives its VF itself", 'found "own"')),
        ({"a": "x"}, ".a", ("not a PCI address",)),
        ({"a": 5}, ".a", ("expected a string",)),
        ({"a": None}, ".a", ("expected a string",)),
        ({"a": "3b:02.1", "b": "0000:3b:02.1"}, ".b", ('belongs to the entry "a" already',)),
        ({"a": "3b:02.0"}, ".a", ('belongs to the entry "own" already',)),
    ],
)
def test_refuses_at_its_place(allocations: object, path: str, parts: tuple[str, ...]) -> None:
    check(vfs(*ENTRIES, **{"vf-allocations": allocations}), f"{WHERE}, at ${path}", *parts)


def test_an_allocation_without_entries() -> None:
    check(vmi({"vf-allocations": {"a": "3b:02.1"}}), f"{WHERE}, at $.a", "there is none")


def test_the_pool_entries_are_listed() -> None:
    error = refusal(vfs(*ENTRIES, **{"vf-allocations": {"c": "3b:02.1"}}))
    assert error.expected == 'the name of an entry with a pool; there is "a", "b"'
