# SPDX-License-Identifier: Apache-2.0
"""Directories short enough for unix sockets, and a hook that serves one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.hookprocess import HookProcess


@pytest.fixture
def base() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ps-") as directory:
        yield Path(directory)


@pytest.fixture
def socket_dir(base: Path) -> Path:
    directory = base / "hook-sidecar-0"
    directory.mkdir()
    return directory


@pytest.fixture
def hook(socket_dir: Path) -> Iterator[HookProcess]:
    with HookProcess(socket_dir) as process:
        yield process.wait_for_socket()


@pytest.fixture(scope="session")
def shared_hook() -> Iterator[HookProcess]:
    """One process for tests that only call; it must survive all of them."""
    with tempfile.TemporaryDirectory(prefix="ps-") as base:
        directory = Path(base) / "hooks"
        directory.mkdir()
        with HookProcess(directory, "--log-level", "debug") as process:
            yield process.wait_for_socket()
            assert process.process.poll() is None, process.log_text()
