# SPDX-License-Identifier: Apache-2.0
"""Every tree of manifests on a real API server."""

import pytest

from tests.cluster.install import trees
from tests.cluster.server import Cluster
from tests.manifests import tree

TREES = [str(folder.relative_to(tree.MANIFESTS)) for folder in trees()]


def test_every_tree_is_applied(applied: dict[str, list[str]]) -> None:
    assert set(applied) == set(TREES)
    for lines in applied.values():
        assert lines
        assert all(line.endswith((" created", " configured", " unchanged")) for line in lines)


@pytest.mark.parametrize("name", TREES)
def test_a_second_time_nothing_changes(installed: Cluster, name: str) -> None:
    # Twice: two trees may differ in what they make of one object.
    installed.apply(tree.MANIFESTS / name)
    lines = installed.apply(tree.MANIFESTS / name)
    assert [line for line in lines if not line.endswith(" unchanged")] == []
