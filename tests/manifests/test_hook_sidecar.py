# SPDX-License-Identifier: Apache-2.0
import copy
import json
from collections.abc import Mapping

import pytest

from tests.manifests.policy import Policy
from tests.manifests.vms import vmi

REGISTER = Policy.mutating("portside-register-hook")
MOVE = Policy.mutating("portside-move-requests")
KEY = "hooks.kubevirt.io/hookSidecars"
OURS = {"image": "registry.example/portside:0.1.0"}
OTHER = {"args": ["--version", "v1alpha2"], "image": "other:1"}


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (None, [OURS]),
        ("[]", [OURS]),
        (" [ ]\n", [OURS]),
        (json.dumps([OTHER]), [OTHER, OURS]),
        (json.dumps([OTHER, OTHER], indent=2), [OTHER, OTHER, OURS]),
        (json.dumps([OURS]), [OURS]),
        (json.dumps([OURS, OTHER]), [OURS, OTHER]),
    ],
)
def test_the_hook_joins_the_sidecars_once(present: str | None, expected: object) -> None:
    before = {"portside.io/interfaces": "8"}
    if present is not None:
        before[KEY] = present
    after = REGISTER.mutate(vmi(before))
    assert json.loads(after["metadata"]["annotations"][KEY]) == expected
    assert after["metadata"]["annotations"]["portside.io/interfaces"] == "8"
    assert REGISTER.mutate(copy.deepcopy(after)) == after


@pytest.mark.parametrize("present", ["", "{}", "[", "null", '{"image": "other:1"}'])
def test_text_that_is_no_list_is_left_to_kubevirt(present: str) -> None:
    before = vmi({KEY: present, "portside.io/disks": "2"})
    assert REGISTER.mutate(before) == before


def test_a_request_registers_whichever_policy_runs_first() -> None:
    before = vmi(requests={"kubevirt.io/interface": 8})
    one = MOVE.mutate(REGISTER.mutate(before))
    other = REGISTER.mutate(MOVE.mutate(before))
    assert one == other
    assert set(one["metadata"]["annotations"]) == {KEY, "portside.io/interfaces"}


@pytest.mark.parametrize("annotations", [None, {}, {KEY: json.dumps([OTHER])}])
def test_vmis_that_ask_nothing_get_no_hook(annotations: Mapping[str, str] | None) -> None:
    assert not REGISTER.applies(vmi(annotations, {"cpu": "1"}))
