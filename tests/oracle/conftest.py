# SPDX-License-Identifier: Apache-2.0
"""``oracles``: real libvirts of two versions, started once per test session."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.oracle.oracle import Oracle, machine_oracle, tree_oracle
from tests.oracle.trees import other_suite_tree


@pytest.fixture(scope="session")
def oracles() -> Iterator[tuple[Oracle, ...]]:
    """Both libvirts: the machine's and the other suite's."""
    with ExitStack() as stack:
        yield (
            stack.enter_context(machine_oracle()),
            stack.enter_context(tree_oracle(other_suite_tree())),
        )


@pytest.fixture(scope="session")
def machine() -> Iterator[Oracle]:
    """The machine's libvirt alone, where one version proves enough."""
    with machine_oracle() as oracle:
        yield oracle
