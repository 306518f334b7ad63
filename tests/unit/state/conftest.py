# SPDX-License-Identifier: Apache-2.0
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sidecar.state.store import Store
from tests.unit.state.leases import PF


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep/state")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep/state/pfs" / str(PF)


MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in there


@pytest.fixture
def memory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="portside-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
