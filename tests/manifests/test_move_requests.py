# SPDX-License-Identifier: Apache-2.0
import copy
import itertools
from collections.abc import Mapping

import pytest

from sidecar.errors import RequestError
from sidecar.vmi.totals import DISKS, HOST_DEVICES, INTERFACES, Kind
from tests.manifests.policy import Policy
from tests.manifests.vms import request_of, vmi

MOVE = Policy.mutating("portside-move-requests")
CHECK = Policy.validating("portside-check-requests")
INTERFACE, ANNOTATION = "kubevirt.io/interface", "portside.io/interfaces"
KINDS = (INTERFACES, DISKS, HOST_DEVICES)


@pytest.mark.parametrize("total", [0, 1, 8, 32, "0", "8", "32", 8.0])
@pytest.mark.parametrize("annotations", [None, {}, {"example.com/a~b": "c"}])
def test_a_total_moves_and_means_the_same(
    total: object, annotations: Mapping[str, str] | None
) -> None:
    before = vmi(annotations, {INTERFACE: total, "memory": "2Gi"})
    after = MOVE.mutate(before)
    assert after["spec"]["domain"]["resources"]["requests"] == {"memory": "2Gi"}
    moved = {ANNOTATION: f"{float(str(total)):.0f}"}
    assert after["metadata"]["annotations"] == {**(annotations or {}), **moved}
    asked, found = request_of(before).interfaces, request_of(after).interfaces
    assert asked is not None
    assert found is not None
    assert (found.total, found.defined) == (asked.total, asked.defined)
    assert CHECK.refusals(after) == []


@pytest.mark.parametrize(
    "kinds", [kinds for n in (1, 2, 3) for kinds in itertools.combinations(KINDS, n)]
)
def test_each_kind_moves_to_its_own_annotation(kinds: tuple[Kind, ...]) -> None:
    requests = {kind.resource: number for number, kind in enumerate(kinds, start=3)}
    before = vmi(requests=requests)
    after = MOVE.mutate(before)
    assert after["spec"]["domain"]["resources"]["requests"] == {}
    assert after["metadata"]["annotations"] == {
        kind.annotation: str(requests[kind.resource]) for kind in kinds
    }
    assert request_of(after).free_ports == request_of(before).free_ports > 0


def test_a_total_that_stands_in_both_stays_once() -> None:
    after = MOVE.mutate(vmi({ANNOTATION: "8"}, {INTERFACE: 8}))
    assert after == vmi({ANNOTATION: "8"}, {})


@pytest.mark.parametrize(
    ("annotations", "requests"),
    [
        ({ANNOTATION: "9"}, {INTERFACE: 8}),
        ({ANNOTATION: "many"}, {INTERFACE: 8}),
        (None, {INTERFACE: 33}),
        (None, {INTERFACE: -1}),
        (None, {INTERFACE: 1.5}),
        (None, {INTERFACE: "8Gi"}),
    ],
)
def test_what_is_wrong_stays_and_is_refused(
    annotations: Mapping[str, str] | None, requests: Mapping[str, object]
) -> None:
    before = vmi(annotations, requests)
    after = MOVE.mutate(before)
    assert after == before
    assert CHECK.refusals(after)
    with pytest.raises(RequestError):
        request_of(after)


def test_what_is_right_moves_beside_what_is_wrong() -> None:
    after = MOVE.mutate(vmi({ANNOTATION: "9"}, {INTERFACE: 8, "kubevirt.io/disk": 2}))
    assert after == vmi({ANNOTATION: "9", "portside.io/disks": "2"}, {INTERFACE: 8})


def test_a_limit_is_left_for_the_refusal() -> None:
    after = MOVE.mutate(vmi(requests={INTERFACE: 8}, limits={INTERFACE: 8}))
    (message,) = CHECK.refusals(after)
    assert "no limit" in message


def test_it_runs_again_without_effect() -> None:
    once = MOVE.mutate(vmi(requests={INTERFACE: 8}))
    assert MOVE.mutate(copy.deepcopy(once)) == once


@pytest.mark.parametrize("requests", [None, {}, {"cpu": 1}])
def test_other_vmis_are_not_touched(requests: Mapping[str, object] | None) -> None:
    assert not MOVE.applies(vmi(requests=requests))
    assert MOVE.patch(vmi(requests=requests)) == []
