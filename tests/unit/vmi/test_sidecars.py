# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from sidecar.model.request import HookSidecars
from sidecar.vmi.request import parse_request
from sidecar.vmi.sidecars import ANNOTATION, read_sidecars

OURS = "registry.example:5000/net/portside:0.1.0@sha256:ab"
OTHER = "registry.example/other:1"


def read(*images: str) -> HookSidecars:
    return read_sidecars({ANNOTATION: json.dumps([{"image": image} for image in images])})


@pytest.mark.parametrize(
    ("images", "after"),
    [
        ((OURS,), ()),
        ((OTHER, OURS), ()),
        ((OURS, OTHER), (OTHER,)),
        ((OURS, OTHER, "third"), (OTHER, "third")),
        ((OURS, OTHER, "portside"), ()),
        (("portside@sha256:ab", OTHER), (OTHER,)),
    ],
)
def test_what_is_called_afterwards(images: tuple[str, ...], after: tuple[str, ...]) -> None:
    assert read(*images) == HookSidecars(listed=True, after=after)


def test_kubevirt_sorts_by_the_text_of_the_number() -> None:
    images = [f"image-{number}" for number in range(12)]
    images[2] = OURS
    after = tuple(f"image-{number}" for number in range(3, 10))
    assert read(*images) == HookSidecars(listed=True, after=after)


def test_a_sidecar_without_image_is_the_shim() -> None:
    text = json.dumps([{"image": OURS}, {"args": ["--version", "v1alpha3"]}, "odd", {"image": 5}])
    assert read_sidecars({ANNOTATION: text}).after == ("sidecar-shim",) * 3


@pytest.mark.parametrize("images", [(), (OTHER,), ("registry.example/portside/other",)])
def test_portside_is_not_in_the_list(images: tuple[str, ...]) -> None:
    assert read(*images) == HookSidecars()


@pytest.mark.parametrize("value", [None, 5, "", "{", "{}", "[", '"portside"', "[[[["])
def test_a_senseless_list_is_kubevirts_affair(value: object) -> None:
    assert read_sidecars({ANNOTATION: value}) == HookSidecars()


def test_a_vmi_has_it_all() -> None:
    document = {
        "metadata": {
            "annotations": {
                "portside.io/interfaces": "5",
                ANNOTATION: json.dumps([{"image": OURS}, {"image": OTHER}]),
            }
        },
        "spec": {
            "evictionStrategy": "LiveMigrate",
            "domain": {
                "devices": {"interfaces": [{"name": "a", "binding": {"name": "passt"}}]},
            },
        },
    }
    request = parse_request(json.dumps(document).encode())
    assert request.hook_sidecars == HookSidecars(listed=True, after=(OTHER,))
    assert request.eviction_strategy == "LiveMigrate"
    assert request.networks[0].binding == "passt"
