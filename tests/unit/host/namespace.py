# SPDX-License-Identifier: Apache-2.0
"""Python in a network namespace of its own, which ends with it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.support import missing

PROJECT = Path(__file__).parents[3]
SCRIPT = 'ip -batch - && exec "$0" -W error -c "$1"'


def run_in_namespace(make: Sequence[str], python: str) -> str:
    """Run commands of ip, then a Python program; return what that prints."""
    if os.geteuid() != 0:
        missing("a network namespace needs root")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        missing("a network namespace needs unshare and ip")
    done = subprocess.run(  # noqa: S603 - our own commands
        ["unshare", "--net", "sh", "-c", SCRIPT, sys.executable, python],  # noqa: S607 - as above
        cwd=PROJECT,
        input="\n".join(make),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
