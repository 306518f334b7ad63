# SPDX-License-Identifier: Apache-2.0
"""``cluster``: a control plane with KubeVirt's resources; ``installed``: Portside on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.api import Document
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


@pytest.fixture(scope="session")
def cluster(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(programs, tmp_path_factory.mktemp("cluster")) as running:
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
def owned(request: pytest.FixtureRequest, installed: Cluster) -> Iterator[str]:
    """A namespace of the test's own."""
    name = request.node.name.lower().replace("_", "-").partition("[")[0][:50]
    document: Document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"generateName": f"{name.strip('-')}-"},
    }
    made = installed.admin.create(document)
    yield made["metadata"]["name"]
    # Nothing ends a namespace without its controller; the whole cluster goes.
