# SPDX-License-Identifier: Apache-2.0
"""Runs commands as a shell would."""

import subprocess
import sys
from pathlib import Path

from tests.support import RECORDINGS

ROOT = Path(__file__).parents[3]
DOMAIN = RECORDINGS / "nic4" / "pass2-to-hook.xml"
VMI = RECORDINGS / "nic4" / "pass2-vmi.json"


def run(
    module: str, *arguments: str | Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        check=False,
    )


def asking_vmi(interfaces: int) -> bytes:
    """Return the recorded VMI with a total of interfaces."""
    vmi = VMI.read_bytes()
    asking = vmi.replace(
        b'"annotations":{', b'"annotations":{"portside.io/interfaces":"%d",' % interfaces, 1
    )
    assert asking != vmi
    return asking
