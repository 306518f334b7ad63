# SPDX-License-Identifier: Apache-2.0
"""Files whose reading may never end: read by a child that can be left behind.

The kernel reads some attributes under the device's lock. While a guest does not let go of
a VF that is being removed, their readers sleep in a state that no signal ends.
"""

import subprocess
from pathlib import Path

from sidecar.model.vf import UNKNOWN, Unknown

_PARTING = 0.1
"""Seconds for a killed child to end; one that sleeps in the kernel ends when that wakes it."""


def read_text(path: Path, seconds: float) -> str | Unknown | None:
    """Return a file's text; ``None`` without the file, ``UNKNOWN`` if it is not had in time."""
    if not path.exists():
        return None
    child = subprocess.Popen(  # noqa: S603 - a constant command
        ["cat", "--", str(path)],  # noqa: S607 - coreutils are where the system has them
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        text, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        _leave(child)
        return UNKNOWN
    return text.decode(errors="replace").strip() if child.returncode == 0 else UNKNOWN


def _leave(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    if child.stdout is not None:
        child.stdout.close()
    try:
        child.wait(_PARTING)
    except subprocess.TimeoutExpired:
        return
