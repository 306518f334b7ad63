# SPDX-License-Identifier: Apache-2.0
import copy
from collections.abc import Mapping

import pytest

from sidecar.errors import RequestError
from sidecar.model.request import MAX_PORTS
from sidecar.vmi.annotations import KNOWN
from tests.manifests.policy import Policy
from tests.manifests.vms import request_of, vm_of, vmi

POLICY = Policy.validating("portside-check-requests")
INTERFACE, ANNOTATION = "kubevirt.io/interface", "portside.io/interfaces"

ACCEPTED = [
    {"annotations": {}},
    {"annotations": {ANNOTATION: "0"}},
    {"annotations": {ANNOTATION: "32"}},
    {"requests": {INTERFACE: 0}},
    {"requests": {INTERFACE: 32}},
    {"requests": {INTERFACE: "32"}},
    {"requests": {INTERFACE: 8.0}},
    {"requests": {INTERFACE: 8, "cpu": "500m", "memory": "2Gi"}},
    {"requests": {INTERFACE: 8}, "annotations": {ANNOTATION: "8"}},
    {"requests": {"kubevirt.io/disk": 3, "kubevirt.io/hostdevice": "2"}},
    {"annotations": {"portside.io/disks": "3", "portside.io/host-devices": "2"}},
    {"annotations": {"portside.io/max-ports": "1"}},
    {"annotations": {"portside.io/max-ports": "255"}},
    {"annotations": {"portside.io/teaming": "{}", "portside.io/vfs": "[]"}},
    {"annotations": {"portside.io/vf-allocations": "{}"}},
    {"annotations": {"example.com/other": "x"}, "limits": {"cpu": "1"}},
]

# What is refused, and what its message says was found and was expected.
REFUSED = [
    ({"annotations": {ANNOTATION: "33"}}, f"{ANNOTATION}: '33'", "a whole number from 0 to 32"),
    ({"annotations": {ANNOTATION: "-1"}}, "'-1'", "a whole number from 0 to 32"),
    ({"annotations": {ANNOTATION: ""}}, "''", "a whole number from 0 to 32"),
    ({"annotations": {ANNOTATION: "many"}}, "'many'", "a whole number from 0 to 32"),
    ({"annotations": {ANNOTATION: "1.5"}}, "'1.5'", "a whole number from 0 to 32"),
    ({"annotations": {ANNOTATION: " 4"}}, "' 4'", "in digits"),
    ({"annotations": {ANNOTATION: "4\n"}}, "'4\n'", "in digits"),
    ({"annotations": {"portside.io/disks": "100"}}, "portside.io/disks: '100'", "0 to 32"),
    ({"annotations": {"portside.io/host-devices": "x"}}, "portside.io/host-devices", "0 to 32"),
    ({"requests": {INTERFACE: 33}}, f"{INTERFACE}: 33", "a whole number from 0 to 32"),
    ({"requests": {INTERFACE: -1}}, f"{INTERFACE}: -1", "a whole number from 0 to 32"),
    ({"requests": {INTERFACE: "500m"}}, f"{INTERFACE}: 500m", "a whole number from 0 to 32"),
    ({"requests": {INTERFACE: 2.5}}, f"{INTERFACE}: 2.5", "a whole number from 0 to 32"),
    ({"requests": {"kubevirt.io/disk": "40"}}, "kubevirt.io/disk: 40", "0 to 32"),
    ({"limits": {INTERFACE: 4}}, INTERFACE, f"as the annotation {ANNOTATION}"),
    ({"requests": {INTERFACE: 4}, "limits": {INTERFACE: 4}}, INTERFACE, "in requests only"),
    (
        {"requests": {INTERFACE: 4}, "annotations": {ANNOTATION: "5"}},
        f"{INTERFACE}: 4 and {ANNOTATION}: 5",
        "equal totals, or only one of the two",
    ),
    ({"annotations": {"portside.io/max-ports": "0"}}, "portside.io/max-ports: '0'", "1 to 255"),
    ({"annotations": {"portside.io/max-ports": "256"}}, "'256'", "1 to 255"),
    ({"annotations": {"portside.io/max-ports": "all"}}, "'all'", "1 to 255"),
    ({"annotations": {"portside.io/interface": "4"}}, "portside.io/interface;", ANNOTATION),
]


@pytest.mark.parametrize("asked", ACCEPTED)
def test_accepts_and_so_does_the_hook(asked: Mapping[str, Mapping[str, str]]) -> None:
    instance = vmi(**asked)
    assert POLICY.refusals(instance) == []
    assert POLICY.refusals(vm_of(instance)) == []
    request_of(instance)


@pytest.mark.parametrize(("asked", "found", "expected"), REFUSED)
def test_refuses_with_what_was_found_and_expected(
    asked: Mapping[str, Mapping[str, str]], found: str, expected: str
) -> None:
    instance = vmi(**asked)
    for document, at in ((instance, ""), (vm_of(instance), "spec.template.")):
        (message,) = POLICY.refusals(document)
        assert message.startswith((f"{at}metadata.annotations: ", f"{at}spec.domain.resources."))
        before, _, after = message.partition("expected")
        assert found in before
        assert expected in after


@pytest.mark.parametrize("asked", [row[0] for row in REFUSED])
def test_what_it_refuses_the_hook_refuses_too(asked: Mapping[str, Mapping[str, str]]) -> None:
    with pytest.raises(RequestError):
        request_of(vmi(**asked))


def test_every_total_is_checked_and_nothing_beyond_it() -> None:
    for total in range(-5, 200):
        refused = not 0 <= total <= 32
        assert bool(POLICY.refusals(vmi({ANNOTATION: str(total)}))) == refused
        assert bool(POLICY.refusals(vmi(requests={INTERFACE: total}))) == refused
        too_many = not 1 <= total <= MAX_PORTS
        assert bool(POLICY.refusals(vmi({"portside.io/max-ports": str(total)}))) == too_many


def test_it_knows_the_annotations_that_the_hook_knows() -> None:
    (message,) = POLICY.refusals(vmi({"portside.io/none": ""}))
    assert set(message.partition("expected one of ")[2].split(", ")) == set(KNOWN)


def test_every_mistake_is_told_at_once() -> None:
    document = vmi({ANNOTATION: "x", "portside.io/y": ""}, limits={"kubevirt.io/disk": 1})
    assert len(POLICY.refusals(document)) == 3


def test_annotations_of_the_vm_itself_are_misplaced() -> None:
    document = vm_of(vmi({}))
    document["metadata"]["annotations"] = {ANNOTATION: "8"}
    (message,) = POLICY.refusals(document)
    assert ANNOTATION in message
    assert "spec.template.metadata.annotations" in message


@pytest.mark.parametrize(
    "asked", [{}, {"annotations": {"example.com/a": "b"}}, {"requests": {"memory": "1Gi"}}]
)
def test_does_not_look_at_vms_that_ask_nothing(asked: Mapping[str, Mapping[str, str]]) -> None:
    instance = vmi(**asked)
    assert not POLICY.applies(instance)
    assert not POLICY.applies(vm_of(instance))
    assert not POLICY.applies(instance, instance)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({ANNOTATION: "8"}, {ANNOTATION: "9"}, "'9' instead of '8'"),
        ({ANNOTATION: "8"}, {}, "'none' instead of '8'"),
        ({}, {ANNOTATION: "8"}, "'8' instead of 'none'"),
        ({"portside.io/teaming": "{}"}, {"portside.io/teaming": '{"a": "b"}'}, '{"a": "b"}'),
        ({"portside.io/vfs": "[]"}, {}, "portside.io/vfs"),
        ({"portside.io/max-ports": "20"}, {"portside.io/max-ports": "21"}, "'21'"),
    ],
)
def test_annotations_of_a_vmi_cannot_change(
    old: Mapping[str, str], new: Mapping[str, str], found: str
) -> None:
    (message,) = POLICY.refusals(vmi(new), vmi(old))
    assert "cannot change while the VMI exists" in message
    assert found in message
    assert POLICY.refusals(vm_of(vmi(new)), vm_of(vmi(old))) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({INTERFACE: 8}, {INTERFACE: 9}, "9 instead of 8"),
        ({INTERFACE: "8"}, {}, "none instead of 8"),
        ({}, {INTERFACE: 8}, "8 instead of none"),
    ],
)
def test_requests_of_a_vmi_cannot_change(
    old: Mapping[str, object], new: Mapping[str, object], found: str
) -> None:
    (message,) = POLICY.refusals(vmi(requests=new), vmi(requests=old))
    assert found in message
    assert POLICY.refusals(vm_of(vmi(requests=new)), vm_of(vmi(requests=old))) == []


def test_other_updates_of_a_vmi_pass() -> None:
    old = vmi({ANNOTATION: "8", "portside.io/vfs": "[]"}, {INTERFACE: 8})
    new = copy.deepcopy(old)
    new["metadata"]["annotations"]["portside.io/vf-allocations"] = "{}"
    new["metadata"]["annotations"]["kubevirt.io/latest-observed-api-version"] = "v1"
    new["metadata"]["finalizers"] = []
    new["spec"]["domain"]["resources"]["requests"][INTERFACE] = "8"
    assert POLICY.refusals(new, old) == []


@pytest.mark.parametrize("asked", [row[0] for row in REFUSED])
def test_old_mistakes_do_not_block_other_updates(asked: Mapping[str, Mapping[str, str]]) -> None:
    for old in (vmi(**asked), vm_of(vmi(**asked))):
        new = copy.deepcopy(old)
        new["metadata"]["finalizers"] = []
        new["metadata"].setdefault("annotations", {})["example.com/other"] = "x"
        assert POLICY.refusals(new, old) == []


def test_misplaced_annotations_do_not_block_other_updates() -> None:
    old = vm_of(vmi({}))
    old["metadata"]["annotations"] = {ANNOTATION: "8"}
    new = copy.deepcopy(old)
    new["spec"]["runStrategy"] = "Halted"
    assert POLICY.refusals(new, old) == []
    new["metadata"]["annotations"]["portside.io/disks"] = "8"
    assert len(POLICY.refusals(new, old)) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"annotations": {ANNOTATION: "40", "portside.io/disks": "2"}},
        {"annotations": {ANNOTATION: "41"}},
        {"annotations": {ANNOTATION: "40"}, "requests": {INTERFACE: 1}},
        {"annotations": {ANNOTATION: "40"}, "limits": {INTERFACE: 1}},
    ],
)
def test_a_change_beside_an_old_mistake_is_refused(
    asked: Mapping[str, Mapping[str, str]],
) -> None:
    assert POLICY.refusals(vm_of(vmi(**asked)), vm_of(vmi({ANNOTATION: "40"})))


def test_a_mistake_may_be_taken_away() -> None:
    assert POLICY.refusals(vm_of(vmi({})), vm_of(vmi({ANNOTATION: "40"}))) == []
