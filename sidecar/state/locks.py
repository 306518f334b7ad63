# SPDX-License-Identifier: Apache-2.0
"""One writer at a time, in the order in which they came.

The lock is flock(2) on a file that names its holder for people. flock itself wakes whoever
comes first, so a process that takes the lock again and again can keep all others out. So each
draws a ticket before: it locks the byte of a second file whose offset is the time of its
coming (open file description locks, fcntl(2)), and its turn is when no byte before is locked.
The kernel drops lock and tickets with the process, however that ends.

Both files are for their owner only: whoever may open a file may hold a lock on it for ever.
"""

import fcntl
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sidecar.errors import BusyError, shorten
from sidecar.state.files import Folder, unwritable

LOCK: Final = "lock"
QUEUE: Final = "queue"
_PAUSES: Final = (0.001, 0.002, 0.005, 0.01)
"""Seconds between two looks whether it is our turn; the last one repeats."""
_OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE: Final = 0o600
_MAX_BYTES: Final = 500
_FLOCK: Final = "hhqqi4x"
"""``struct flock`` of 64 bits: type, whence, start, len, pid, padding (fcntl.h)."""


@contextmanager
def lock_folder(folder: Folder, seconds: float) -> Iterator[None]:
    """Hold a folder's lock; it excludes other processes and other threads of this one.

    Who came first gets it first. The lock ends with the process, however that ends. A child
    that was forked from the holder and did not exec keeps it: while it writes, nobody else may.

    Args:
        folder: whose lock.
        seconds: to wait for it.

    Raises:
        BusyError: somebody else holds it all the time.
        HostError: it cannot be made.
    """
    file = _acquire(folder, seconds)
    try:
        _sign(file, f"{os.getpid()} {' '.join(sys.argv)}"[:_MAX_BYTES])
        yield
    finally:
        _sign(file, "")
        _release(file)


def is_awaited(folder: Folder) -> bool:
    """Tell whether somebody has a ticket of a folder's lock.

    Raises:
        HostError: it cannot be told.
    """
    file = _open(folder, QUEUE)
    try:
        return _has_ticket(file, 0)
    finally:
        os.close(file)


def _acquire(folder: Folder, seconds: float) -> int:
    end = time.monotonic() + seconds
    queue = _open(folder, QUEUE)
    try:
        ticket = _draw(folder, queue)
        _wait(lambda: not _has_ticket(queue, ticket), folder, end, seconds)
        found: list[int] = []
        _wait(lambda: _try_lock(folder, found), folder, end, seconds)
        return found[0]
    finally:
        os.close(queue)  # and with it the ticket


def _wait(done: Callable[[], bool], folder: Folder, end: float, seconds: float) -> None:
    tries = 0
    while not done():
        if time.monotonic() >= end:
            raise _busy(folder, seconds)
        time.sleep(_PAUSES[min(tries, len(_PAUSES) - 1)])
        tries += 1


def _draw(folder: Folder, queue: int) -> int:
    """Lock the byte of the present moment, the same clock for all processes; return it."""
    ticket = time.monotonic_ns()
    while True:
        try:
            fcntl.fcntl(queue, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK, ticket, 1))
        except BlockingIOError:  # somebody has this very one
            ticket += 1
        except OSError as error:
            raise unwritable(folder.path / QUEUE, error) from error
        else:
            return ticket


def _has_ticket(queue: int, before: int) -> bool:
    """Tell whether somebody has an earlier ticket; with 0, whether anybody else has one."""
    answer = fcntl.fcntl(queue, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK, 0, before))
    return bool(struct.unpack(_FLOCK, answer)[0] != fcntl.F_UNLCK)


def _flock(kind: int, start: int, length: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, start, length, 0)


def _try_lock(folder: Folder, found: list[int]) -> bool:
    """Lock the file, if nobody has it and it is still the one that others would lock."""
    file = _open(folder, LOCK)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    except OSError as error:
        os.close(file)
        raise unwritable(folder.path / LOCK, error) from error
    if not _is_in_place(file, folder):
        _release(file)
        return False
    found.append(file)
    return True


def _release(file: int) -> None:
    fcntl.flock(file, fcntl.LOCK_UN)
    os.close(file)


def _busy(folder: Folder, seconds: float) -> BusyError:
    holder = ""
    with suppress(OSError):
        holder = (folder.path / LOCK).read_bytes()[:_MAX_BYTES].decode(errors="replace").strip()
    return BusyError(
        f"timed out after {seconds:g} s waiting for the lock",
        where=str(folder.path / LOCK),
        found=f"held by process {shorten(holder, 200)}"
        if holder
        else "held by other processes in turn",
        todo="Try again; if the lock stays held, find out what its holder waits for",
    )


def _open(folder: Folder, name: str) -> int:
    try:
        file = os.open(name, _OPEN, _MODE, dir_fd=folder.descriptor)
    except OSError as error:
        raise unwritable(folder.path / name, error) from error
    try:
        if os.fstat(file).st_mode & 0o077:
            os.fchmod(file, _MODE)  # of a version that let others open it
    except OSError as error:
        os.close(file)
        raise unwritable(folder.path / name, error) from error
    return file


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
