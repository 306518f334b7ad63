# SPDX-License-Identifier: Apache-2.0
import os
import time
from pathlib import Path

from sidecar.host.blocking import read_text
from sidecar.model.vf import UNKNOWN


def test_text_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "driver_override"
    file.write_text("vfio-pci\n")
    assert read_text(file, 10) == "vfio-pci"
    assert read_text(tmp_path / "nowhere", 10) is None
    assert read_text(tmp_path, 10) is UNKNOWN


def test_a_reader_that_never_comes_back_is_left(tmp_path: Path) -> None:
    pipe = tmp_path / "sriov_numvfs"
    os.mkfifo(pipe)
    before = time.monotonic()
    assert read_text(pipe, 0.2) is UNKNOWN
    assert time.monotonic() - before < 10
