# SPDX-License-Identifier: Apache-2.0
"""``kernel``: a host with two cards, whose files answer as the kernel's do."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import UP, FakeInterface, FakePf

FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"
CARDS = (
    FakePf(FIRST, interfaces=[FakeInterface("eth1", UP, "up")], totalvfs=8, group=20),
    FakePf(SECOND, interfaces=[FakeInterface("eth2", UP, "up")], totalvfs=8, group=40),
)


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[FakeKernel]:
    with FakeKernel(tmp_path, CARDS) as kernel:
        yield kernel
