# SPDX-License-Identifier: Apache-2.0
"""Who gets the hook on a real API server, and how often: by annotation, and by injection."""

import re
from pathlib import Path

import pytest
import yaml

import sidecar
from tests.cluster.objects import KEY, named, sidecars
from tests.cluster.server import Cluster
from tests.manifests import tree
from tests.manifests.vms import vmi

ANNOTATION = "portside.io/interfaces"
IMAGE = f"registry.example/portside:{sidecar.__version__}"
LAUNCHER = Path(tree.__file__).parent / "data/launcher-pod.yaml"
README = tree.MANIFESTS.parent / "README.md"


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
