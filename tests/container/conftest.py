# SPDX-License-Identifier: Apache-2.0
"""All images, built once for all tests, and hooks in containers that end with their test."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container.podman import QEMU_UID, Container, Podman, require_tools

StartHook = Callable[..., Container]


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    """podman with all images, built from the work tree."""
    require_tools()
    # Not in /tmp, which is memory on many machines: the images take about a gigabyte.
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser(), "portside")
    cache.mkdir(parents=True, exist_ok=True)
    storage = Path(tempfile.mkdtemp(prefix="images-", dir=cache))
    try:
        podman = Podman(storage)
        podman.build()
        yield podman
    finally:
        shutil.rmtree(storage)


@pytest.fixture
def start_hook(podman: Podman) -> Iterator[StartHook]:
    """Start the hook's container with more arguments for its entry point."""
    started: list[Container] = []
    # Short, for unix sockets.
    with tempfile.TemporaryDirectory(prefix="ps-") as base:

        def start(*arguments: str) -> Container:
            sockets = Path(base, str(len(started)), "s")
            sockets.mkdir(parents=True)
            os.chown(sockets, QEMU_UID, QEMU_UID)
            started.append(Container(podman, sockets, arguments))
            return started[-1]

        yield start
        for container in started:
            container.remove()
