# SPDX-License-Identifier: Apache-2.0
"""One embedded libvirt and one hook process for all tests here."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.demo.hook import RunningHook, start_hook
from sidecar.errors import HostError
from sidecar.virt.connection import Libvirt, open_libvirt
from tests.support import missing


@pytest.fixture(scope="session")
def libvirt() -> Iterator[Libvirt]:
    if shutil.which("qemu-system-x86_64") is None:
        missing("needs qemu-system-x86_64")
    try:
        with open_libvirt() as opened:
            yield opened
    except HostError as error:
        missing(f"needs libvirt's QEMU driver: {error}")


@pytest.fixture(scope="session")
def hook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHook]:
    with start_hook(tmp_path_factory.mktemp("h")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a stand-in's disk lies; its name becomes the domain's."""
    return tmp_path / "guest"
