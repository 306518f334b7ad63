# SPDX-License-Identifier: Apache-2.0
"""The admission policies on a real API server: objects are created, and looked at again."""

import copy
import json
from collections.abc import Mapping

import pytest

import sidecar
from sidecar.vmi.annotations import KNOWN
from tests.cluster.api import Document, RefusedError
from tests.cluster.install import eventually
from tests.cluster.objects import KEY, named, sidecars
from tests.cluster.server import Cluster
from tests.manifests import tree
from tests.manifests.vms import vm_of, vmi

INTERFACE, ANNOTATION = "kubevirt.io/interface", "portside.io/interfaces"
IMAGE = f"registry.example/portside:{sidecar.__version__}"


def refusal(cluster: Cluster, document: Document) -> str:
    with pytest.raises(RefusedError) as caught:
        cluster.admin.create(document)
    assert caught.value.code == 422
    return caught.value.message


def test_a_request_is_moved_to_its_annotation(installed: Cluster, owned: str) -> None:
    for name, total in (("text", "5"), ("number", 5)):
        asking = vmi(requests={INTERFACE: total, "cpu": "500m"})
        made = installed.admin.create(named(asking, name, owned))
        assert made["spec"]["domain"]["resources"]["requests"] == {"cpu": "500m"}
        assert made["metadata"]["annotations"][ANNOTATION] == "5"
        assert sidecars(made) == [IMAGE]
        assert installed.admin.get(made) == made


def test_every_total_is_moved(installed: Cluster, owned: str) -> None:
    totals = {INTERFACE: "8", "kubevirt.io/disk": 3, "kubevirt.io/hostdevice": "2"}
    made = installed.admin.create(named(vmi({"x": "y"}, totals), "all", owned))
    assert made["spec"]["domain"]["resources"]["requests"] == {}
    annotations = made["metadata"]["annotations"]
    del annotations[KEY]
    assert annotations == {
        "x": "y",
        ANNOTATION: "8",
        "portside.io/disks": "3",
        "portside.io/host-devices": "2",
    }


def test_a_machine_stays_as_its_owner_wrote_it(installed: Cluster, owned: str) -> None:
    machine = named(vm_of(vmi(requests={INTERFACE: "5"})), "machine", owned)
    made = installed.admin.create(machine)
    assert made["spec"] == machine["spec"]


@pytest.mark.parametrize("machine", [False, True], ids=["instance", "machine"])
@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            {"annotations": {"portside.io/interface": "4"}},
            "metadata.annotations: unknown annotation; found portside.io/interface; expected one "
            "of " + ", ".join(KNOWN),
        ),
        (
            {"annotations": {ANNOTATION: "33"}},
            f"metadata.annotations: not a total; found {ANNOTATION}: '33'; expected a whole ",
        ),
        (
            {"requests": {INTERFACE: "500m"}},
            f"spec.domain.resources.requests: not a total; found {INTERFACE}: 500m; expected a ",
        ),
        (
            {"limits": {INTERFACE: 4}},
            f"spec.domain.resources.limits: {INTERFACE} is a total to request and no limit",
        ),
        (
            {"annotations": {ANNOTATION: "5"}, "requests": {INTERFACE: 4}},
            f"spec.domain.resources.requests: differs from the annotation; found {INTERFACE}: 4 ",
        ),
        (
            {"annotations": {"portside.io/max-ports": "256"}},
            "metadata.annotations: not a number of ports; found portside.io/max-ports: '256'",
        ),
    ],
)
def test_nonsense_is_refused_with_our_sentence(
    installed: Cluster, owned: str, asked: Mapping[str, Mapping[str, str]], told: str, machine: bool
) -> None:
    instance = vmi(**asked)
    document = vm_of(instance) if machine else instance
    message = refusal(installed, named(document, "wrong", owned))
    assert f"denied request: {'spec.template.' if machine else ''}{told}" in message


def test_a_message_with_a_line_break_has_its_plain_one(installed: Cluster, owned: str) -> None:
    message = refusal(installed, named(vmi({ANNOTATION: "4\n"}), "broken", owned))
    assert "a total of devices in an annotation is not a whole number from 0 to 32" in message


@pytest.mark.parametrize("annotations", [None, {}, {"x": "y"}, {KEY: '[{"image": "other:1"}]'}])
def test_what_asks_nothing_is_stored_as_it_is(
    installed: Cluster, owned: str, annotations: dict[str, str] | None
) -> None:
    asking = vmi(annotations, {"cpu": "1", "memory": "1Gi"}, {"cpu": "2"})
    made = installed.admin.create(named(asking, "plain", owned))
    assert made["spec"] == asking["spec"]
    assert made["metadata"].get("annotations") == (annotations or None)


def test_the_request_of_a_vmi_that_exists_is_fixed(installed: Cluster, owned: str) -> None:
    made = installed.admin.create(named(vmi({ANNOTATION: "5"}), "fixed", owned))
    with pytest.raises(RefusedError, match=r"interfaces cannot change while the VMI"):
        installed.admin.patch(made, {"metadata": {"annotations": {ANNOTATION: "6"}}})
    allocated = {"metadata": {"annotations": {"portside.io/vf-allocations": "{}"}}}
    assert installed.admin.patch(made, allocated)["metadata"]["annotations"][ANNOTATION] == "5"


def test_what_was_wrong_before_can_be_changed_otherwise(installed: Cluster, owned: str) -> None:
    # No policy yet: its binding is away for a while.
    binding = tree.find("ValidatingAdmissionPolicyBinding", "portside-check-requests")
    wrong = {"portside.io/unknown": "", ANNOTATION: "99"}
    installed.admin.delete(binding)

    def created() -> bool:
        try:
            installed.admin.create(named(vmi(wrong), "old", owned))
        except RefusedError as refused:
            if refused.code != 422:
                raise
            return False
        return True

    try:
        eventually(created, "portside-check-requests is no longer bound")
    finally:
        installed.admin.create(copy.deepcopy(binding))

    def refuses() -> bool:
        try:
            installed.admin.create(named(vmi(wrong), "new", owned), dryRun="All")
        except RefusedError:
            return True
        return False

    eventually(refuses, "portside-check-requests is bound again")
    old = named(vmi(wrong), "old", owned)
    for change in (
        {"metadata": {"finalizers": ["example.com/one"]}},
        {"metadata": {"finalizers": None}},
        {"metadata": {"labels": {"x": "y"}}},
        {"spec": {"nodeSelector": {"x": "y"}}},
    ):
        installed.admin.patch(old, change)
    with pytest.raises(RefusedError, match=r"denied request: metadata\.annotations"):
        installed.admin.patch(old, {"metadata": {"annotations": {ANNOTATION: "98"}}})


def test_an_owner_needs_no_right_but_to_create_vmis(installed: Cluster, owned: str) -> None:
    rbac: Document = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    rule = {"apiGroups": ["kubevirt.io"], "resources": ["*"], "verbs": ["create"]}
    role = {**rbac, "kind": "Role", "metadata": {}, "rules": [rule]}
    subject = {"kind": "User", "name": "owner", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"kind": "Role", "name": "owner", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {**rbac, "kind": "RoleBinding", "metadata": {}}
    binding |= {"subjects": [subject], "roleRef": reference}
    for document in (role, binding):
        installed.admin.create(named(document, "owner", owned))
    owner = installed.user("owner")
    asking = named(vmi(requests={INTERFACE: 5}), "mine", owned)
    assert sidecars(owner.create(asking)) == [IMAGE]
    with pytest.raises(RefusedError) as caught:
        owner.create(named(vmi(requests={INTERFACE: 5}), "mine", "default"))
    assert caught.value.code == 403


def test_a_large_vmi_stays_within_the_servers_budget(installed: Cluster, owned: str) -> None:
    # The server bounds what the expressions of a policy may cost, and refuses what costs more.
    # All annotations together may have 256 KiB.
    many = {f"example.com/note-{number}": "x" * 20 for number in range(3000)}
    others = [{"image": f"registry.example/other-{number}:1"} for number in range(1500)]
    asked = {**many, ANNOTATION: "8", KEY: json.dumps(others)}
    made = installed.admin.create(named(vmi(asked), "large", owned))
    assert sidecars(made) == [*(entry["image"] for entry in others), IMAGE]
    installed.admin.patch(made, {"metadata": {"labels": {"x": "y"}}})
