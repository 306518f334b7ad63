# SPDX-License-Identifier: Apache-2.0
"""What a user sees while an API server comes up, or learns of KubeVirt's resources.

kube-apiserver looks for the schemas of custom resources every five seconds; until then a
mutating policy cannot patch an object of a kind that is new to it.
"""

import time
from collections.abc import Iterator

import pytest

from tests.cluster.api import Refused
from tests.cluster.install import SETTLE_SECONDS, define_kubevirt
from tests.cluster.programs import Programs
from tests.cluster.server import Cluster, running_cluster
from tests.manifests import tree
from tests.manifests.vms import vmi

DELAY = "There can be a delay between when CustomResourceDefinitions are created"
ASKING = vmi(requests={"kubevirt.io/interface": 3})


@pytest.fixture
def policies_only(
    programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A control plane of the test's own that has Portside's policies, and no KubeVirt yet."""
    with running_cluster(programs, tmp_path_factory.mktemp("start")) as running:
        running.apply(tree.MANIFESTS / "hook-sidecar")
        yield running


def attempts(cluster: Cluster) -> list[tuple[int, str]]:
    """Create the VMI again and again until it is moved; return the refusals."""
    refusals = []
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        try:
            made = cluster.admin.create(ASKING, dryRun="All")
        except Refused as refused:
            refusals.append((refused.code, refused.message))
        else:
            if "portside.io/interfaces" in made["metadata"].get("annotations", {}):
                return refusals
        time.sleep(0.2)
    raise AssertionError(refusals[-3:])


def test_a_new_kind_is_refused_for_some_seconds_and_then_taken(policies_only: Cluster) -> None:
    define_kubevirt(policies_only)
    refusals = attempts(policies_only)
    assert refusals
    for code, message in refusals:
        assert code == 503
        assert DELAY in message


def test_what_asks_nothing_is_taken_at_once(policies_only: Cluster) -> None:
    define_kubevirt(policies_only)
    policies_only.admin.create(vmi({"x": "y"}), dryRun="All")
