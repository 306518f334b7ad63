# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.model.request import DeviceTotal, Request
from sidecar.vmi.request import parse_request
from tests.unit.vmi.build import check, encode, vmi

RESOURCES = "VMI, at $.spec.domain.resources"
KINDS = [
    ("kubevirt.io/interface", "interfaces", 3),
    ("kubevirt.io/disk", "disks", 1),
    ("kubevirt.io/hostdevice", "host-devices", 2),
]
DEVICES = {"disks": [{"disk": {"bus": "virtio"}}], "gpus": [{}], "hostDevices": [{}]}


def total(request: Request, annotation: str) -> DeviceTotal | None:
    found = getattr(request, annotation.replace("-", "_"))
    assert found is None or isinstance(found, DeviceTotal)
    return found


@pytest.mark.parametrize(("resource", "annotation", "defined"), KINDS)
@pytest.mark.parametrize("asked", [0, 1, 3, 4, 32])
def test_request_and_annotation_ask_alike(
    resource: str, annotation: str, defined: int, asked: int
) -> None:
    field = f'{RESOURCES}.requests["{resource}"]'
    documents = {
        field: vmi(devices=DEVICES, resources={"requests": {resource: asked, "cpu": "x"}}),
        f"annotation portside.io/{annotation}": vmi({annotation: str(asked)}, devices=DEVICES),
    }
    for where, document in documents.items():
        request = parse_request(document)
        assert total(request, annotation) == DeviceTotal(asked, defined, where)
        assert request.free_ports == max(0, asked - defined)
        assert request.asks_nothing == (asked <= defined)
        others = [name for _, name, _ in KINDS if name != annotation]
        assert [total(request, name) for name in others] == [None, None]


@pytest.mark.parametrize(("resource", "annotation", "_defined"), KINDS)
def test_both_may_say_the_same(resource: str, annotation: str, _defined: int) -> None:
    document = vmi({annotation: "5"}, resources={"requests": {resource: "5000m"}})
    asked = total(parse_request(document), annotation)
    assert asked is not None
    assert asked.total == 5


@pytest.mark.parametrize(("resource", "annotation", "_defined"), KINDS)
def test_both_and_different_is_refused(resource: str, annotation: str, _defined: int) -> None:
    check(
        vmi({annotation: "5"}, resources={"requests": {resource: 6}}),
        f"annotation portside.io/{annotation}",
        f"differs from the request {resource}",
        "found 5",
        "expected 6",
    )


@pytest.mark.parametrize(("resource", "annotation", "_defined"), KINDS)
@pytest.mark.parametrize("requests", [{}, {"same": True}])
def test_a_limit_is_refused(
    resource: str, annotation: str, _defined: int, requests: dict[str, bool]
) -> None:
    resources = {"limits": {resource: 5}, "requests": {resource: 5} if requests else {}}
    check(
        vmi(resources=resources),
        f'{RESOURCES}.limits["{resource}"]',
        "no limit",
        f"portside.io/{annotation}",
    )


@pytest.mark.parametrize(("resource", "annotation", "_defined"), KINDS)
@pytest.mark.parametrize("value", ["33", "-1", "1.5", "five", "", "[5]"])
def test_impossible_totals(resource: str, annotation: str, _defined: int, value: str) -> None:
    check(vmi({annotation: value}), f"annotation portside.io/{annotation}", f'found "{value}"')
    document = vmi(resources={"requests": {resource: value}})
    check(document, f'{RESOURCES}.requests["{resource}"]', f'found "{value}"')


def test_totals_add_up() -> None:
    asks = {"interfaces": "5", "disks": "4", "host-devices": "1"}
    assert parse_request(vmi(asks, devices=DEVICES)).free_ports == 2 + 3 + 0


@pytest.mark.parametrize(("text", "ports"), [("1", 1), ("16", 16), ("255", 255)])
def test_max_ports_alone_asks_for_nothing(text: str, ports: int) -> None:
    request = parse_request(vmi({"max-ports": text}))
    assert request.max_ports == ports
    assert request.asks_nothing


@pytest.mark.parametrize("text", ["0", "-1", "256", "1.5", "all", ""])
def test_impossible_max_ports(text: str) -> None:
    check(vmi({"max-ports": text}), "annotation portside.io/max-ports", "from 1 to 255")


@pytest.mark.parametrize("resources", [[], "x", {"requests": []}, {"limits": "kubevirt.io/disk"}])
def test_odd_resources_without_a_key_of_ours_ask_for_nothing(resources: object) -> None:
    assert parse_request(encode({}, resources=resources)).asks_nothing
