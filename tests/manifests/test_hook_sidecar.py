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


REGISTRY = "registry.corp.example:5000/team"
HOOKS = [
    "portside",
    "portside:0.1.0",
    "portside:other_tag-1.x",
    "registry.example/portside",
    "registry.example/portside:0.0.9",
    "localhost:5000/portside",
    "localhost:5000/a/b/portside:1",
    f"portside@sha256:{'0' * 64}",
    f"quay.example/org/portside:0.1.0@sha256:{'a' * 64}",
    "registry.example/portside-libvirt:0.1.0",
]
NO_HOOKS = [
    "notportside:1",
    "registry.example/notportside:1",
    "registry.example/portside-node:0.1.0",
    "portside-node",
    "portside/other:1",
    "portside:5000/other:1",
    "registry.example/portside/shim@sha256:0",
    "registry.example/portsidex",
    "registry.example/Portside:1",
    "registry.example/other:portside",
    "",
]


def registered(entries: object, policy: Policy = REGISTER) -> object:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    after = policy.mutate(vmi({KEY: text, "portside.io/disks": "2"}))
    return json.loads(after["metadata"]["annotations"][KEY])


@pytest.mark.parametrize("image", HOOKS)
def test_a_hook_of_any_registry_tag_and_digest_is_one(image: str) -> None:
    for entries in (
        [{"image": image}],
        [OTHER, {"args": ["--log-level", "debug"], "image": image}],
    ):
        assert registered(entries) == entries


@pytest.mark.parametrize("image", NO_HOOKS)
def test_an_image_of_another_name_is_no_hook(image: str) -> None:
    for entries in ([{"image": image}], [{"image": image}, OTHER]):
        assert registered(entries) == [*entries, OURS]


@pytest.mark.parametrize(
    "text",
    [
        '[{"image":"portside"}]',
        '[ { "image"\n:\t"registry.example/portside:1" } ]',
        '[{"image": "registry.example\\/portside:1"}]',
        # Go's decoder of JSON takes a key in any case.
        '[{"Image": "portside:1"}]',
    ],
)
def test_json_may_be_written_in_any_way(text: str) -> None:
    assert registered(text) == json.loads(text)


@pytest.mark.parametrize(
    "entry",
    [
        {"image": "other:1", "args": ["portside:0.1.0", "registry.example/portside:0.1.0"]},
        {"image": "other:1", "args": ["image", "portside"]},
        {"image": "other:1", "args": ['{"image": "portside:0.1.0"}']},
        {"image": "other:1", "configMap": {"name": "portside", "key": "portside:0.1.0"}},
    ],
)
def test_the_name_elsewhere_in_an_entry_is_no_hook(entry: object) -> None:
    assert registered([entry]) == [entry, OURS]


@pytest.mark.parametrize("suffix", ["", ":0.1.0", f":0.1.0@sha256:{'b' * 64}", "@sha256:00"])
@pytest.mark.parametrize("present", ["", ":0.0.1", "@sha256:11"])
def test_an_image_renamed_by_the_overlay_is_known_by_its_repository(
    suffix: str, present: str
) -> None:
    spec = copy.deepcopy(dict(REGISTER.spec))
    spec["variables"][0]["expression"] = json.dumps(f"{REGISTRY}/vm.hook{suffix}")
    policy = Policy(spec)
    ours = [{"image": f"{REGISTRY}/vm.hook{present}"}]
    assert registered(ours, policy) == ours
    for other in (f"{REGISTRY}/vm-hook{present}", f"x{REGISTRY}/vm.hook", REGISTRY):
        added = {"image": f"{REGISTRY}/vm.hook{suffix}"}
        assert registered([{"image": other}], policy) == [{"image": other}, added]


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
