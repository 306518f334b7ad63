# SPDX-License-Identifier: Apache-2.0
import json
import re
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no annotations
import pytest

import sidecar
from tests.manifests import tree
from tests.manifests.jsonpatch import apply_patch

KUSTOMIZATIONS = [path for path in tree.yaml_files() if path.name == "kustomization.yaml"]
IMAGE = f"registry.example/portside:{sidecar.__version__}"
OUR_KINDS = {"Component", "Kustomization"}
# Their schemas are KubeVirt's own, which no package carries.
KUBEVIRT_KINDS = {"KubeVirt", "Plugin", "VirtualMachine", "VirtualMachineInstance"}


def name_of(path: object) -> str:
    return str(path).removeprefix(f"{tree.MANIFESTS}/")


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS, ids=name_of)
def test_everything_that_a_kustomization_names_is_there(kustomization: Path) -> None:
    (document,) = tree.load_all(kustomization)
    assert document["kind"] in OUR_KINDS
    known = {"apiVersion", "kind", "resources", "components", "patches", "labels"}
    assert set(document) <= known
    for target in tree.references(kustomization):
        assert target.is_relative_to(tree.MANIFESTS)
        if target.is_dir():
            kind = tree.load_all(target / "kustomization.yaml")[0]["kind"]
            named = {path.split("/")[-1] for path in map(str, document.get("components", []))}
            assert (kind == "Component") == (target.name in named)
        else:
            assert target.is_file()


def test_every_manifest_is_named_by_a_kustomization() -> None:
    named = {target for path in KUSTOMIZATIONS for target in tree.references(path)}
    files = {path for path in tree.yaml_files() if path.name != "kustomization.yaml"}
    assert files - named == set()


def test_objects_of_one_tree_have_names_of_their_own() -> None:
    names = [(document["kind"], document["metadata"]["name"]) for _, document in tree.objects()]
    assert len(set(names)) == len(names)


def test_bindings_name_policies() -> None:
    documents = [document for _, document in tree.objects()]
    bindings = [document for document in documents if document["kind"].endswith("PolicyBinding")]
    assert len(bindings) == 4
    for binding in bindings:
        kind = binding["kind"].removesuffix("Binding")
        assert tree.find(kind, binding["spec"]["policyName"])


@pytest.mark.parametrize("version", ["1.36", "1.37"])
def test_objects_keep_the_strict_schemas_of_kubernetes(version: str) -> None:
    checked = 0
    for _, document in tree.objects():
        if document["kind"] not in KUBEVIRT_KINDS:
            kubernetes_validate.validate(document, version, strict=True)
            checked += 1
    assert checked == 11


@pytest.mark.parametrize("version", ["1.34", "1.35"])
def test_the_component_for_older_kubernetes_keeps_its_schemas(version: str) -> None:
    component = tree.MANIFESTS / "components" / "kubernetes-1.34"
    (kustomization,) = tree.load_all(component / "kustomization.yaml")
    checked = 0
    for patch in kustomization["patches"]:
        (operations,) = tree.load_all(component / patch["path"])
        for _, document in tree.objects():
            if document["kind"] == patch["target"]["kind"]:
                apply_patch(document, operations)
                kubernetes_validate.validate(document, version, strict=True)
                checked += 1
    assert checked == 6


@pytest.mark.parametrize(
    ("component", "gate"), [("sidecar-gate", "Sidecar"), ("plugins-gate", "Plugins")]
)
def test_a_gate_joins_the_gates_that_are_there(component: str, gate: str) -> None:
    kubevirt = tree.find("KubeVirt", "kubevirt")
    gates = kubevirt["spec"]["configuration"]["developerConfiguration"]["featureGates"]
    gates.append("Snapshot")
    (operations,) = tree.load_all(tree.MANIFESTS / "components" / component / "add-gate.yaml")
    apply_patch(kubevirt, operations)
    assert gates == ["Snapshot", gate]


@pytest.mark.parametrize(
    ("overlay", "policy"),
    [
        ("own-image-hook-sidecar", "portside-register-hook"),
        ("own-image-plugin", "portside-inject-hook"),
    ],
)
def test_an_overlay_sets_the_image(overlay: str, policy: str) -> None:
    folder = tree.MANIFESTS / "overlays" / overlay
    (kustomization,) = tree.load_all(folder / "kustomization.yaml")
    (patch,) = kustomization["patches"]
    assert patch["target"] == {"kind": "MutatingAdmissionPolicy", "name": policy}
    (operations,) = tree.load_all(folder / patch["path"])
    changed = apply_patch(tree.find("MutatingAdmissionPolicy", policy), operations)
    assert changed["spec"]["variables"][0] == {
        "name": "image",
        "expression": json.dumps(IMAGE),
    }


def test_images_have_this_version_and_a_registry() -> None:
    # An image without a registry is pulled from whichever public one the container runtime has.
    images = {
        image
        for path in tree.yaml_files()
        if path.parent != tree.EXAMPLES
        for image in re.findall(r"[\w./:-]*portside(?:-node)?:\d[\w.-]+", path.read_text("utf-8"))
    }
    assert images == {IMAGE, IMAGE.replace("portside:", "portside-node:")}
    for policy in ("portside-register-hook", "portside-inject-hook"):
        spec = tree.find("MutatingAdmissionPolicy", policy)["spec"]
        assert spec["variables"][0]["expression"] == json.dumps(IMAGE)
