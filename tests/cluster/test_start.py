# SPDX-License-Identifier: Apache-2.0
"""What a user sees while an API server comes up, or learns of KubeVirt's resources.

kube-apiserver looks for the schemas of custom resources every five seconds; until then a
mutating policy cannot patch an object of a kind that is new to it.
"""

import time
from pathlib import Path

from tests.cluster.api import RefusedError
from tests.cluster.crds import INSTANCES
from tests.cluster.install import SETTLE_SECONDS, wait_for_policies
from tests.cluster.programs import Programs
from tests.cluster.server import (
    Cluster,
    running_apiserver,
    running_cluster,
    running_etcd,
)
from tests.manifests import tree
from tests.manifests.vms import vmi

DELAY = "There can be a delay between when CustomResourceDefinitions are created"
ASKING = vmi(requests={"kubevirt.io/interface": 3})


def attempts(cluster: Cluster) -> list[RefusedError]:
    """Create the VMI again and again until its request is moved; return the refusals."""
    refusals: list[RefusedError] = []
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        try:
            made = cluster.admin.create(ASKING, dryRun="All")
        except RefusedError as refused:
            refusals.append(refused)
            time.sleep(0.05)
        else:
            # Never let in as if there were no policy.
            assert made["metadata"]["annotations"]["portside.io/interfaces"] == "3"
            return refusals
    raise AssertionError(refusals[-3:])


def told_to_wait(refusals: list[RefusedError]) -> list[RefusedError]:
    """Return the refusals for want of a schema; others say that nothing is served there yet."""
    waiting = [one for one in refusals if one.code == 503]
    assert {one.code for one in refusals if one not in waiting} <= {404, 429}
    assert all(DELAY in one.message for one in waiting)
    return waiting


def test_a_new_kind_is_never_let_in_unmoved(programs: Programs, folder: Path) -> None:
    with running_cluster(programs, folder) as cluster:
        cluster.apply(tree.MANIFESTS / "hook-sidecar")
        cluster.admin.create(INSTANCES)
        # Whether there is such a refusal at all depends on when the server looks next.
        told_to_wait(attempts(cluster))


def test_a_server_that_starts_again_refuses_for_some_seconds(
    programs: Programs, folder: Path
) -> None:
    with running_etcd(programs, folder) as etcd:
        with running_apiserver(programs, folder, etcd) as cluster:
            cluster.admin.create(INSTANCES)
            cluster.apply(tree.MANIFESTS / "hook-sidecar")
            wait_for_policies(cluster)
        # On a slow machine the server may have looked again before it says that it is ready.
        assert any(waits_after_start(programs, folder, etcd) for _ in range(5))
        with running_apiserver(programs, folder, etcd) as cluster:
            # Only what a policy would change waits.
            cluster.admin.create(vmi({"x": "y"}), dryRun="All")


def waits_after_start(programs: Programs, folder: Path, etcd: int) -> bool:
    with running_apiserver(programs, folder, etcd) as cluster:
        return bool(told_to_wait(attempts(cluster)))
