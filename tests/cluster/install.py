# SPDX-License-Identifier: Apache-2.0
"""Puts KubeVirt's definitions and Portside's manifests on a cluster."""

import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.api import Document, RefusedError
from tests.cluster.crds import DEFINITIONS
from tests.cluster.server import Cluster
from tests.manifests import tree
from tests.manifests.vms import vmi

SETTLE_SECONDS = 60


def trees() -> list[Path]:
    """Return what can be applied: the folder of every kustomization that is no component."""
    found = []
    for path in tree.yaml_files():
        if path.name == "kustomization.yaml":
            (document,) = tree.load_all(path)
            if document["kind"] == "Kustomization":
                found.append(path.parent)
    return found


def eventually(attempt: Callable[[], bool], what: str) -> None:
    """Repeat the attempt until it is true."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not attempt():
        assert time.monotonic() < deadline, f"not within {SETTLE_SECONDS} s: {what}"
        time.sleep(0.1)


def define_kubevirt(cluster: Cluster) -> None:
    """Create KubeVirt's definitions and namespace, and wait until they are served."""
    for definition in DEFINITIONS:
        cluster.admin.create(definition)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubevirt"}}
    cluster.admin.create(namespace)
    for definition in DEFINITIONS:
        _wait_until_served(cluster, definition)


def _wait_until_served(cluster: Cluster, definition: Document) -> None:
    spec = definition["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"

    def is_served() -> bool:
        try:
            cluster.admin.request("GET", path)
        except RefusedError:
            return False
        return True

    eventually(is_served, f"{path} is served")


def install(cluster: Cluster) -> dict[str, list[str]]:
    """Apply every tree; return kubectl's lines for each."""
    return {str(one.relative_to(tree.MANIFESTS)): cluster.apply(one) for one in trees()}


def wait_for_policies(cluster: Cluster) -> None:
    """Wait until each policy acts: the server takes them up some time after they are written."""

    def refuses() -> bool:
        try:
            cluster.admin.create(vmi({"portside.io/unknown": ""}), dryRun="All")
        except RefusedError as refusal:
            return refusal.code == 422 and "unknown annotation" in refusal.message
        return False

    def moves_and_registers() -> bool:
        asking = vmi(requests={"kubevirt.io/interface": 3})
        try:
            made = cluster.admin.create(asking, dryRun="All")
        except RefusedError:
            return False
        annotations = made["metadata"].get("annotations", {})
        return {"portside.io/interfaces", "hooks.kubevirt.io/hookSidecars"} <= set(annotations)

    eventually(refuses, "portside-check-requests")
    eventually(moves_and_registers, "portside-move-requests and portside-register-hook")
