# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.vmi.manifest import Manifest, only_vmi, read_manifests

SPEC: dict[str, object] = {"domain": {"devices": {}}}
ASKS = {"portside.io/interfaces": "8"}
TEMPLATE = {"metadata": {"annotations": ASKS, "labels": {"app": "web"}}, "spec": SPEC}


def vm(**metadata: object) -> dict[str, object]:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": {"name": "web", "namespace": "shop", **metadata},
        "spec": {"runStrategy": "Always", "template": TEMPLATE},
    }


VMI = {"kind": "VirtualMachineInstance", "metadata": {"name": "one"}, "spec": SPEC}


def one(document: object) -> Manifest:
    (found,) = read_manifests(document, "file")
    assert isinstance(found, Manifest)
    return found


def test_a_virtual_machine_becomes_its_vmi() -> None:
    found = one(vm(annotations={"note": "mine"}))
    assert str(found) == "VirtualMachine shop/web"
    assert found.misplaced == ()
    assert found.vmi["kind"] == "VirtualMachineInstance"
    assert found.vmi["spec"] is SPEC
    assert found.vmi["metadata"] == {
        "annotations": ASKS,
        "labels": {"app": "web"},
        "name": "web",
        "namespace": "shop",
    }


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("VirtualMachineInstanceReplicaSet", {"template": TEMPLATE}),
        ("VirtualMachinePool", {"virtualMachineTemplate": {"spec": {"template": TEMPLATE}}}),
    ],
)
def test_other_kinds_with_a_template_too(kind: str, spec: object) -> None:
    assert one({"kind": kind, "metadata": {"name": "set"}, "spec": spec}).vmi["spec"] is SPEC


def test_a_vmi_stays_itself_with_or_without_its_kind() -> None:
    assert one(VMI).vmi is VMI
    bare = {"metadata": {"name": "bare"}, "spec": SPEC}
    assert one(bare).vmi is bare


def test_annotations_on_the_virtual_machine_itself_are_misplaced() -> None:
    assert one(vm(annotations={**ASKS, "a": "b"})).misplaced == ("portside.io/interfaces",)
    assert one({**VMI, "metadata": {"annotations": ASKS}}).misplaced == ()


@pytest.mark.parametrize("kind", ["List", "VirtualMachineList"])
def test_a_list_gives_its_items_and_names_other_kinds(kind: str) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p"}}
    found = list(read_manifests({"kind": kind, "items": [pod, vm(), VMI]}, "file"))
    assert [str(item) for item in found] == [
        '"Pod"',
        "VirtualMachine shop/web",
        "VirtualMachineInstance one",
    ]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([1], "not an object of the Kubernetes API"),
        ("text", "not an object"),
        ({"kind": "List", "items": [vm(), 7]}, r"at \$\.items\[1\]: not an object"),
        ({"kind": "VirtualMachine", "spec": {}}, "without a template"),
        ({"kind": "VirtualMachine", "spec": {"template": {}}}, "no spec"),
        ({"kind": "VirtualMachineInstance"}, "no spec"),
    ],
)
def test_what_is_no_such_object_is_refused(document: object, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        list(read_manifests(document, "file"))


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"kind": "Pod"}, '"Pod"'),
        ({"spec": {"containers": []}}, "an object without a kind"),
        ({"kind": "List", "items": []}, "an empty list"),
        ({"kind": "List", "items": [vm(), VMI]}, "VirtualMachine shop/web, VirtualMachineInst"),
    ],
)
def test_one_vm_is_wanted_and_what_was_there_is_named(document: object, found: str) -> None:
    with pytest.raises(RequestError, match="not exactly one VM") as refused:
        only_vmi(document, "--vmi vm.yaml")
    assert found in str(refused.value)
    assert only_vmi({"kind": "List", "items": [{"kind": "Pod"}, vm()]}, "x")["spec"] is SPEC
