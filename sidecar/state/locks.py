# SPDX-License-Identifier: Apache-2.0
"""One writer at a time: flock(2) on a file that names its holder for people."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sidecar.errors import HostError, shorten
from sidecar.state.files import Folder, unwritable

LOCK: Final = "lock"
_PAUSES: Final = (0.001, 0.002, 0.005, 0.01, 0.02)
"""Seconds between two tries; the last one repeats."""
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MAX_BYTES: Final = 500


@contextmanager
def lock_folder(folder: Folder, seconds: float) -> Iterator[None]:
    """Hold a folder's lock; it excludes other processes and other threads of this one.

    The lock ends with the process, however that ends. A child that was forked from the
    holder and did not exec keeps it: while it writes, nobody else may.

    Args:
        folder: whose lock.
        seconds: to wait for it.

    Raises:
        HostError: somebody else holds it all the time, or it cannot be made.
    """
    file = _acquire(folder, time.monotonic() + seconds, seconds)
    try:
        _sign(file, f"{os.getpid()} {' '.join(sys.argv)}"[:_MAX_BYTES])
        yield
    finally:
        _sign(file, "")
        fcntl.flock(file, fcntl.LOCK_UN)
        os.close(file)


def _acquire(folder: Folder, end: float, seconds: float) -> int:
    tries = 0
    while True:
        file = _open(folder)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_in_place(file, folder):
                return file
        except BlockingIOError:
            holder = os.pread(file, _MAX_BYTES, 0).decode(errors="replace").strip()
        except OSError as error:
            os.close(file)
            raise unwritable(folder.path / LOCK, error) from error
        else:
            holder = ""
        os.close(file)
        if time.monotonic() >= end:
            raise HostError(
                f"somebody else holds the lock for {seconds:g} s",
                where=str(folder.path / LOCK),
                found=f"process {shorten(holder, 200)}" if holder else "an unnamed process",
                todo="Wait for it, or find out what it waits for",
            )
        time.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
        tries += 1


def _open(folder: Folder) -> int:
    try:
        return os.open(LOCK, _OPEN, 0o644, dir_fd=folder.descriptor)
    except OSError as error:
        raise unwritable(folder.path / LOCK, error) from error


def _is_in_place(file: int, folder: Folder) -> bool:
    """Tell whether the locked file is still the one that others would lock."""
    try:
        there = (folder.path / LOCK).stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(file))


def _sign(file: int, text: str) -> None:
    """Say who holds the lock; a full disk does not make it less a lock."""
    with suppress(OSError):
        os.ftruncate(file, 0)
        if text:
            os.pwrite(file, f"{text}\n".encode(errors="replace"), 0)
