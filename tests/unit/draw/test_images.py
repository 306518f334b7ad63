# SPDX-License-Identifier: Apache-2.0
"""The pictures in the documentation are what the code draws now."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_documentations_pictures_are_up_to_date(tmp_path: Path) -> None:
    script = ROOT / "scripts/pictures"
    subprocess.run([sys.executable, script, tmp_path], check=True)  # noqa: S603 - our own script
    drawn = {path.name: path.read_text() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text() for path in (ROOT / "docs/images").glob("topology-*.svg")}
    assert drawn
    assert drawn == kept, "run scripts/pictures"
