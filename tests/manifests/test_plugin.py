# SPDX-License-Identifier: Apache-2.0
import copy
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it ships no annotations
import pytest

from sidecar.cli.hook import parse_arguments
from sidecar.hook.names import PLUGIN_SOCKET
from sidecar.vmi.annotations import KNOWN
from tests.manifests import tree
from tests.manifests.expressions import evaluate
from tests.manifests.policy import Policy
from tests.manifests.tree import Document

INJECT = Policy.mutating("portside-inject-hook")
PLUGIN = tree.find("Plugin", "portside")
(LAUNCHER,) = tree.load_all(Path(__file__).parent / "data" / "launcher-pod.yaml")
VOLUME = "kubevirt-plugin-sockets"


def launcher(annotations: Mapping[str, str] | None = None) -> Document:
    pod: Document = copy.deepcopy(LAUNCHER)
    if annotations is not None:
        pod["metadata"]["annotations"] = dict(annotations)
    return pod


def injected(pod: Document) -> Document:
    containers: list[Document] = INJECT.mutate(pod)["spec"]["initContainers"]
    (container,) = (one for one in containers if one["name"] == "portside")
    return container


def test_the_launcher_pod_stays_a_valid_pod() -> None:
    pod = INJECT.mutate(launcher())
    kubernetes_validate.validate(pod, "1.36", strict=True)
    del pod["spec"]["initContainers"]
    assert pod == LAUNCHER


def test_the_hook_has_no_privileges() -> None:
    assert injected(launcher())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 107,
        "runAsGroup": 107,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_hook_sees_the_socket_directory_of_its_plugin_and_nothing_else() -> None:
    # KubeVirt's policy kubevirt-plugin-sidecar-subpath-policy refuses a mount without subPath.
    (mount,) = injected(launcher())["volumeMounts"]
    name = PLUGIN["metadata"]["name"]
    assert mount == {
        "name": VOLUME,
        "mountPath": f"/var/run/kubevirt-plugin/{name}",
        "subPath": name,
    }
    assert VOLUME in {volume["name"] for volume in LAUNCHER["spec"]["volumes"]}


def test_the_socket_is_where_virt_launcher_looks_for_it() -> None:
    # virt-api's policy kubevirt-plugin-socket-path-policy demands the folder and the ending.
    container = injected(launcher())
    ((hook,), (mount,)) = PLUGIN["spec"]["domainHooks"], container["volumeMounts"]
    path = Path(hook["sidecar"]["socketPath"])
    assert str(path.parent) == mount["mountPath"]
    assert path.suffix == ".sock"
    assert container["command"] == ["portside", "hook"]
    options, _ = parse_arguments(container["args"], {})
    assert options.hook_dir is None
    assert options.plugin_dir is not None
    assert options.plugin_dir / PLUGIN_SOCKET == path


def test_the_pod_keeps_guaranteed_qos() -> None:
    resources = injected(launcher())["resources"]
    assert resources["requests"] == resources["limits"] == {"cpu": "200m", "memory": "64M"}
    # A whole CPU here would be taken from the CPUs that a VM pins.
    assert Decimal(resources["requests"]["cpu"].removesuffix("m")) % 1000 != 0


def test_the_hook_ends_with_the_vm() -> None:
    assert injected(launcher())["restartPolicy"] == "Always"


def test_init_containers_that_are_there_stay_in_front() -> None:
    pod = launcher()
    pod["spec"]["initContainers"] = [{"name": "container-disk-binary", "image": "launcher:1"}]
    names = [container["name"] for container in INJECT.mutate(pod)["spec"]["initContainers"]]
    assert names == ["container-disk-binary", "portside"]


def test_it_injects_once() -> None:
    pod = INJECT.mutate(launcher())
    assert not INJECT.applies(pod)


def test_a_pod_that_only_binds_volumes_is_left_alone() -> None:
    marks = {**LAUNCHER["metadata"]["annotations"], "kubevirt.io/ephemeral-provisioning": "true"}
    assert not INJECT.applies(launcher(marks))


def test_other_pods_are_not_matched() -> None:
    constraints = INJECT.spec["matchConstraints"]
    assert constraints["objectSelector"] == {"matchLabels": {"kubevirt.io": "virt-launcher"}}
    assert LAUNCHER["metadata"]["labels"]["kubevirt.io"] == "virt-launcher"


@pytest.mark.parametrize(
    ("annotations", "asks"),
    [({}, False), ({"kubevirt.io/domain": "x"}, False), ({"notportside.io/vfs": ""}, False)]
    + [({key: "", "kubevirt.io/domain": "x"}, True) for key in KNOWN],
)
def test_the_plugin_is_called_exactly_where_the_hook_was_injected(
    annotations: Mapping[str, str], *, asks: bool
) -> None:
    # The condition sees KubeVirt's Go type, whose embedded metadata is at the root.
    (hook,) = PLUGIN["spec"]["domainHooks"]
    assert evaluate(hook["condition"], {"vmi": {"Annotations": annotations}}) is asks
    assert INJECT.applies(launcher(annotations)) is asks


def test_the_plugin_names_the_policies_of_its_variant() -> None:
    named = {
        kind: {entry["name"] for entry in PLUGIN["spec"][key]}
        for kind, key in (
            ("MutatingAdmissionPolicy", "mutatingAdmissionPolicies"),
            ("ValidatingAdmissionPolicy", "validatingAdmissionPolicies"),
        )
    }
    folders = (tree.MANIFESTS / "plugin", tree.MANIFESTS / "policies")
    installed: dict[str, set[str]] = {kind: set() for kind in named}
    for path, document in tree.objects():
        if path.parent in folders and document["kind"] in installed:
            installed[document["kind"]].add(document["metadata"]["name"])
    assert named == installed
