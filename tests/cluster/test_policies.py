# SPDX-License-Identifier: Apache-2.0
"""The admission policies on a real API server: objects are created, and looked at again."""

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

import sidecar
from sidecar.vmi.annotations import KNOWN
from tests.cluster.api import Document, Refused
from tests.cluster.install import eventually
from tests.cluster.server import Cluster
from tests.manifests import tree
from tests.manifests.vms import vm_of, vmi

KEY = "hooks.kubevirt.io/hookSidecars"
INTERFACE, ANNOTATION = "kubevirt.io/interface", "portside.io/interfaces"
IMAGE = f"registry.example/portside:{sidecar.__version__}"
LAUNCHER = Path(tree.__file__).parent / "data/launcher-pod.yaml"
README = tree.MANIFESTS.parent / "README.md"


def named(document: Document, name: str, namespace: str) -> Document:
    document["metadata"] |= {"name": name, "namespace": namespace}
    return document


def sidecars(document: Document) -> list[str]:
    """Return the images of the VMI's hook sidecars, as KubeVirt reads them."""
    annotations = document["metadata"].get("annotations", {})
    return [entry["image"] for entry in json.loads(annotations.get(KEY, "[]"))]


def refusal(cluster: Cluster, document: Document) -> str:
    with pytest.raises(Refused) as caught:
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
            "metadata.annotations: unknown annotation; found portside.io/interface; expected one of "
            + ", ".join(KNOWN),
        ),
        (
            {"annotations": {ANNOTATION: "33"}},
            f"metadata.annotations: not a total; found {ANNOTATION}: '33'; expected a whole number "
            "from 0 to 32, in digits",
        ),
        (
            {"requests": {INTERFACE: "500m"}},
            f"spec.domain.resources.requests: not a total; found {INTERFACE}: 500m; expected a "
            "whole number from 0 to 32",
        ),
        (
            {"limits": {INTERFACE: 4}},
            f"spec.domain.resources.limits: {INTERFACE} is a total to request and no limit",
        ),
        (
            {"annotations": {ANNOTATION: "5"}, "requests": {INTERFACE: 4}},
            f"spec.domain.resources.requests: differs from the annotation; found {INTERFACE}: 4 and "
            f"{ANNOTATION}: 5",
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
    assert "a total of devices in an annotation is no whole number from 0 to 32" in message


@pytest.mark.parametrize("annotations", [None, {}, {"x": "y"}, {KEY: '[{"image": "other:1"}]'}])
def test_what_asks_nothing_is_stored_as_it_is(
    installed: Cluster, owned: str, annotations: dict[str, str] | None
) -> None:
    asking = vmi(annotations, {"cpu": "1", "memory": "1Gi"}, {"cpu": "2"})
    made = installed.admin.create(named(asking, "plain", owned))
    assert made["spec"] == asking["spec"]
    assert made["metadata"].get("annotations") == (annotations or None)


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (None, [IMAGE]),
        ("[]", [IMAGE]),
        ('[{"image": "other:1"}]', ["other:1", IMAGE]),
        ('[{"image": "portside:0.1.0"}]', ["portside:0.1.0"]),
        ('[{"image":"quay.example:5000/a/portside@sha256:00"}]', None),
        ('[{"Image": "other:1"}, {"image": "localhost/portside-libvirt:2"}]', None),
        ('[{"image": "notportside:1"}]', ["notportside:1", IMAGE]),
        ('[{"image": "registry.example/portside-node:1"}]', [None, IMAGE]),
        ('[{"image": "portside:5000/other:1"}]', [None, IMAGE]),
    ],
)
def test_the_hook_is_registered_once(
    installed: Cluster, owned: str, present: str | None, expected: list[str | None] | None
) -> None:
    annotations = {ANNOTATION: "8"} | ({} if present is None else {KEY: present})
    made = installed.admin.create(named(vmi(annotations), "hooked", owned))
    if expected is None:
        assert made["metadata"]["annotations"][KEY] == present
        return
    found = sidecars(made)
    assert len(found) == len(expected)
    assert all(image in (None, other) for image, other in zip(expected, found, strict=True))


def readme_annotations() -> list[dict[str, str]]:
    """Return the annotations of each VM or VMI that the README shows."""
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    found = []
    for block in blocks:
        document = yaml.safe_load(block)
        while isinstance(document, dict) and KEY not in document:
            document = next(
                (
                    document[key]
                    for key in ("spec", "template", "metadata", "annotations")
                    if key in document
                ),
                None,
            )
        if document:
            found.append(document)
    return found


@pytest.mark.parametrize("overlay", ["own-image-hook-sidecar"])
def test_the_readmes_vmi_has_one_hook_after_the_overlay(
    installed: Cluster, owned: str, overlay: str
) -> None:
    installed.apply(tree.MANIFESTS / "overlays" / overlay)
    shown = readme_annotations()
    assert shown
    for number, annotations in enumerate(shown):
        asking = named(vmi({str(k): str(v) for k, v in annotations.items()}), f"n{number}", owned)
        (image,) = sidecars(installed.admin.create(asking))
        assert re.search(r"(^|/)portside:", image)


def test_a_launcher_pod_gets_the_hook_once(installed: Cluster, owned: str) -> None:
    (pod,) = tree.load_all(LAUNCHER)
    del pod["metadata"]["namespace"]
    made = installed.admin.create(named(pod, "launcher", owned))
    (container,) = [one for one in made["spec"]["initContainers"] if one["name"] == "portside"]
    assert container["image"] == IMAGE
    assert container["restartPolicy"] == "Always"
    (mount,) = [one for one in container["volumeMounts"] if "plugin" in one["mountPath"]]
    assert mount["subPath"] == "portside"


@pytest.mark.parametrize("change", ["labels", "annotations"])
def test_other_pods_are_left_alone(installed: Cluster, owned: str, change: str) -> None:
    (pod,) = tree.load_all(LAUNCHER)
    pod["metadata"][change] = {}
    made = installed.admin.create(named(pod, "other", owned))
    assert "portside" not in [one["name"] for one in made["spec"].get("initContainers", [])]


def test_the_request_of_a_vmi_that_exists_is_fixed(installed: Cluster, owned: str) -> None:
    made = installed.admin.create(named(vmi({ANNOTATION: "5"}), "fixed", owned))
    with pytest.raises(Refused, match=r"portside.io/interfaces cannot change while the VMI exists"):
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
        except Refused as refused:
            assert refused.code == 422
            return False
        return True

    try:
        eventually(created, "portside-check-requests is no longer bound")
    finally:
        installed.admin.create(copy.deepcopy(binding))

    def refuses() -> bool:
        try:
            installed.admin.create(named(vmi(wrong), "new", owned), dryRun="All")
        except Refused:
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
    with pytest.raises(Refused, match="denied request: metadata.annotations"):
        installed.admin.patch(old, {"metadata": {"annotations": {ANNOTATION: "98"}}})
