# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.vmi.annotations import KNOWN
from sidecar.vmi.request import parse_request
from tests.unit.vmi.build import check, encode

FOREIGN = {
    "kubevirt.io/pci-topology-version": "v3",
    "xportside.io/vfs": "[",
    "example.org/portside.io/vfs": "[",
    "portside.iox/vfs": "[",
    "portside.io": "[",
    "odd": 5,
}


@pytest.mark.parametrize(
    "key",
    [
        "portside.io/interface",
        "portside.io/VFS",
        "portside.io/",
        "portside.io/vfs ",
        "portside.io/ü",
    ],
)
def test_unknown_annotation_of_ours_lists_the_known(key: str) -> None:
    check(encode({key: "1"}), "VMI, at $.metadata.annotations", "unknown annotation", *KNOWN)


@pytest.mark.parametrize("key", KNOWN)
@pytest.mark.parametrize("value", [5, True, None, {}, ["x"]])
def test_an_annotation_is_a_string(key: str, value: object) -> None:
    check(encode({key: value}), f"annotation {key}", "wrong type", "expected a string")


@pytest.mark.parametrize("key", ["teaming", "vfs", "vf-allocations"])
@pytest.mark.parametrize(
    ("text", "at", "part"),
    [
        ("", "", "Expecting value at line 1 column 1"),
        ("{'a': 1}", "", "Expecting property name"),
        ('{"a":{"b":1,"b":2}}', ", at $.a", "a key stands twice"),
        ("[NaN]", "", "the number NaN"),
        ("null", ", at $", "found null"),
        ('"x"', ", at $", 'found "x"'),
        ("[" * 65 + "]" * 65, "", "nesting deeper than 64"),
    ],
)
def test_json_annotations_are_json(key: str, text: str, at: str, part: str) -> None:
    check(encode({f"portside.io/{key}": text}), f"annotation portside.io/{key}{at}", part)


def test_annotations_of_others_are_not_read() -> None:
    request = parse_request(encode(FOREIGN))
    assert request.asks_nothing
    assert request.topology_version == "v3"
