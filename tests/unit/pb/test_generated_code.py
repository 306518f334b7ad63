# SPDX-License-Identifier: Apache-2.0
"""The committed code is what ``scripts/proto`` makes of ``proto/``."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[3]
COMMITTED = ROOT / "sidecar" / "pb"


def test_committed_code_is_what_the_generator_makes(tmp_path: Path) -> None:
    used = set(
        re.findall(
            r"^GRPC_GENERATED_VERSION = '(.+)'$",
            "".join(path.read_text() for path in COMMITTED.glob("*_grpc.py")),
            re.MULTILINE,
        )
    )
    assert used == {version("grpcio-tools")}, f"generate and test with grpcio-tools {used}"
    subprocess.run(  # noqa: S603 - our own script
        [ROOT / "scripts" / "proto", tmp_path],
        check=True,
        env={**os.environ, "PYTHON": sys.executable},
    )
    generated = read_all(tmp_path / "sidecar" / "pb")
    assert len(generated) == 15
    assert read_all(COMMITTED) == generated, "run scripts/proto and commit"


def read_all(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("*_pb2*.py*")}
