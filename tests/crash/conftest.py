# SPDX-License-Identifier: Apache-2.0
"""A folder whose fsync costs nothing: a killed process loses no page of the kernel's."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in there


@pytest.fixture
def memory() -> Iterator[Path]:
    with TemporaryDirectory(prefix="portside-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)
