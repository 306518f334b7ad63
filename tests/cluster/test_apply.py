# SPDX-License-Identifier: Apache-2.0
"""Every tree of manifests on a real API server."""

import shutil
from pathlib import Path, PurePath

import pytest
import yaml

import sidecar
from tests.cluster.api import RefusedError
from tests.cluster.install import trees
from tests.cluster.server import Cluster
from tests.manifests import tree

# The others are VMs of their owners, and the cluster's own KubeVirt object.
INSTALLED = {"policies", "hook-sidecar", "plugin", "node", "overlays"}
TREES = [str(folder.relative_to(tree.MANIFESTS)) for folder in trees()]


def test_every_tree_is_applied(applied: dict[str, list[str]]) -> None:
    assert set(applied) == set(TREES)
    for lines in applied.values():
        assert lines
        assert all(line.endswith((" created", " configured", " unchanged")) for line in lines)


@pytest.mark.parametrize("name", [name for name in TREES if PurePath(name).parts[0] in INSTALLED])
def test_what_a_tree_installs_is_found_by_its_labels(cluster: Cluster, name: str) -> None:
    done = cluster.kubectl("kustomize", tree.MANIFESTS / name)
    assert done.returncode == 0, done.stderr
    documents = list(yaml.safe_load_all(done.stdout))
    assert documents
    for document in documents:
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/part-of"] == "portside"
        assert labels["app.kubernetes.io/version"] == sidecar.__version__


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tree.MANIFESTS, tmp_path / "manifests"))


def test_the_node_agent_installs_without_a_plugin(applied: dict[str, list[str]]) -> None:
    for name in ("node", "overlays/own-image-node"):
        assert not [line for line in applied[name] if line.startswith("plugin.")]
        assert "daemonset.apps/portside-node" in {line.split()[0] for line in applied[name]}


@pytest.mark.parametrize(
    "components", [["node-hooks"], ["node-libvirt"], ["node-hooks", "node-libvirt"]]
)
def test_the_overlay_takes_the_components_that_it_names(
    installed: Cluster, copied: Path, components: list[str]
) -> None:
    overlay = copied / "overlays/own-image-node"
    with (overlay / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write("components:\n")
        file.writelines(f"  - ../../components/{name}\n" for name in components)
    lines = installed.apply(overlay)
    plugins = [line for line in lines if line.startswith("plugin.")]
    assert bool(plugins) == ("node-hooks" in components)
    document = tree.find("DaemonSet", "portside-node")
    (container,) = installed.admin.get(document)["spec"]["template"]["spec"]["containers"]
    assert ("--sysfs" in container["args"]) == ("node-libvirt" in components)


def test_the_component_for_older_kubernetes_makes_its_objects(
    installed: Cluster, copied: Path
) -> None:
    overlay = copied / "overlays/own-image-hook-sidecar"
    with (overlay / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write("components:\n  - ../../components/kubernetes-1.34\n")
    done = installed.kubectl("kustomize", overlay)
    assert done.returncode == 0, done.stderr
    for document in yaml.safe_load_all(done.stdout):
        beta = document["kind"].startswith("Mutating")
        version = "v1beta1" if beta else "v1"
        assert document["apiVersion"] == f"admissionregistration.k8s.io/{version}"


def test_the_account_of_the_node_agent_may_do_nothing(installed: Cluster) -> None:
    agent = installed.account("portside", "portside-node")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    who = agent.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:portside:portside-node"
    for path in (
        "/api/v1/nodes",
        "/api/v1/namespaces/portside/pods",
        "/api/v1/namespaces/portside/secrets",
        "/apis/kubevirt.io/v1/virtualmachineinstances",
        "/apis/plugin.kubevirt.io/v1alpha1/plugins",
    ):
        with pytest.raises(RefusedError) as caught:
            agent.request("GET", path)
        assert caught.value.code == 403
