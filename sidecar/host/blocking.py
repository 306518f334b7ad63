# SPDX-License-Identifier: Apache-2.0
"""Files whose reading or writing may never end: left to a child that can be left behind.

The kernel serves some attributes under the device's lock. While a guest does not let go of
a VF that is being removed, their readers and writers sleep in a state that no signal ends.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from sidecar.errors import HostError
from sidecar.model.digits import is_number
from sidecar.model.vf import UNKNOWN, Unknown

_PARTING: Final = 0.1
"""Seconds for a killed child to end; one that sleeps in the kernel ends when that wakes it."""
_LAST_WORD: Final = 0.2
"""Seconds for a writer whose time is up to say whether it has begun."""
_PROGRAM: Final = Path(__file__).with_name("writer.py")

_left: list[subprocess.Popen[bytes]] = []
"""Children that did not end in time; asked again before the next child, so that none stays a
zombie."""


class Ending(StrEnum):
    """How a write ended."""

    DONE = "done"
    NOT_OPENED = "open"
    """open(2) failed; nothing was written."""
    REFUSED = "write"
    """write(2) failed."""
    HELD = "held"
    """The last look found a reason not to write."""
    NOT_BEGUN = "not begun"
    """The time was up before the write began; it will not be made."""
    HUNG = "hung"
    """The write began and has not ended; nothing is known of what it does or will do."""


@dataclass(frozen=True, slots=True)
class Written:
    """How a write ended: ``errno`` for ``NOT_OPENED`` and ``REFUSED``, ``text`` for ``HELD``."""

    ending: Ending
    errno: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class LastLook:
    """What the writing child looks at right before it writes.

    Args:
        devices: the folder of PCI devices.
        closed: addresses of VFs that nobody may have in use.
        pf: the PF whose VFs must be exactly those, empty if there may be others.
    """

    devices: Path
    closed: Sequence[str] = ()
    pf: str = ""


def read_text(path: Path, seconds: float) -> str | Unknown | None:
    """Return a file's text; ``None`` without the file, ``UNKNOWN`` if it is not had in time."""
    if not path.exists():
        return None
    child = _start(["cat", "--", str(path)])
    try:
        text, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        _leave(child)
        return UNKNOWN
    return text.decode(errors="replace").strip() if child.returncode == 0 else UNKNOWN


def write_text(path: Path, text: str, seconds: float, look: LastLook) -> Written:
    """Write a text at once, in a child, after a last look.

    A child whose time is up before it has begun does not write any more. One that has begun
    is left alone: killing does not end what sleeps in the kernel, and would cut what is slow.

    Raises:
        HostError: the child cannot be started, or broke.
    """
    command = [sys.executable, "-I", "-S", str(_PROGRAM), str(path), text]
    reading, lifeline = os.pipe()
    try:
        child = _start([*command, str(look.devices), look.pf, *look.closed], reading)
    except HostError:
        os.close(lifeline)
        raise
    finally:
        os.close(reading)
    try:
        said, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        pass
    else:
        return _parse(said, child.returncode)
    finally:
        os.close(lifeline)
    return _part(child)


def _part(writer: subprocess.Popen[bytes]) -> Written:
    """Part from a writer whose time is up, its lifeline closed.

    What it said before that is all that it can have begun.
    """
    try:
        said, _ = writer.communicate(timeout=_LAST_WORD)
    except subprocess.TimeoutExpired as late:
        begun = b"begun" in (late.output or b"")
        if not begun:
            writer.kill()
        _leave(writer)
        return Written(Ending.HUNG if begun else Ending.NOT_BEGUN)
    return _parse(said, writer.returncode)


def _parse(said: bytes, code: int) -> Written:
    """Read the writer's words; see there."""
    lines = said.decode(errors="replace").splitlines()
    word, _, rest = (lines[-1] if lines else "").partition(" ")
    if word == "begun" and code == 0:
        return Written(Ending.NOT_BEGUN)
    if word == Ending.DONE:
        return Written(Ending.DONE)
    if word == Ending.HELD:
        return Written(Ending.HELD, text=rest)
    if word in {Ending.NOT_OPENED, Ending.REFUSED} and is_number(rest):
        return Written(Ending(word), int(rest))
    raise HostError(
        "the writing process ended without an answer",
        where=str(_PROGRAM),
        found=f"exit code {code}",
        expected="Python's standard library, and memory for one small process",
        todo="First count the VFs: it may have written",
    )


def _start(command: Sequence[str], lifeline: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a child that shares nothing with us: no descriptor, folder or terminal.

    Raises:
        HostError: there is no process to be had.
    """
    _left[:] = [child for child in _left if child.poll() is None]
    try:
        return subprocess.Popen(  # noqa: S603 - constant commands with paths of sysfs
            command,
            stdin=lifeline,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise HostError(
            "cannot start a process to read or write a file that may block",
            where=command[0],
            found=f"{error.strerror} (errno {error.errno})",
            todo="Free memory and processes, then try again",
        ) from error


def _leave(child: subprocess.Popen[bytes]) -> None:
    """Wait for a child no longer."""
    if child.stdout is not None:
        child.stdout.close()
    try:
        child.wait(_PARTING)
    except subprocess.TimeoutExpired:
        _left.append(child)
