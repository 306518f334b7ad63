# SPDX-License-Identifier: Apache-2.0
"""``cluster``: a control plane with KubeVirt's resources; ``installed``: Portside on it."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cluster.install import define_kubevirt, install, wait_for_policies
from tests.cluster.programs import Programs, find_programs
from tests.cluster.server import Cluster, running_cluster

# The first use of all builds kube-apiserver.
SECONDS = 1800


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def programs() -> Programs:
    return find_programs()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that goes at once: etcd's files are large."""
    with TemporaryDirectory(prefix="portside-cluster-") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def cluster(programs: Programs) -> Iterator[Cluster]:
    with (
        TemporaryDirectory(prefix="portside-cluster-") as name,
        running_cluster(programs, Path(name)) as running,
    ):
        define_kubevirt(running)
        yield running


@pytest.fixture(scope="session")
def applied(cluster: Cluster) -> dict[str, list[str]]:
    """Everything that the project has, applied: the tree -> kubectl's lines."""
    lines = install(cluster)
    wait_for_policies(cluster)
    return lines


@pytest.fixture
def installed(cluster: Cluster, applied: dict[str, list[str]]) -> Cluster:
    assert applied
    return cluster


@pytest.fixture
def owned(request: pytest.FixtureRequest, installed: Cluster) -> str:
    """A namespace of the test's own, which goes with the cluster: no controller ends one."""
    name = request.node.name.lower().replace("_", "-").partition("[")[0][:50]
    document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"generateName": f"{name.strip('-')}-"},
    }
    made = installed.admin.create(document)
    return str(made["metadata"]["name"])
