# SPDX-License-Identifier: Apache-2.0
"""Small files, written so that each is always the old or the new one, also after a power cut.

Temporary file in the same folder, fsync, rename, fsync of the folder (rename(2), fsync(2)).
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sidecar.errors import HostError

MAX_BYTES: Final = 1 << 20
"""No record of ours is larger; what is, was not written by us."""

_TEMPORARY: Final = ".new"
"""One a folder is enough: there is one writer at a time, and a leftover is written over."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A pipe must not block the reader, and a link must not lead out of the folder.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """A folder held open; every method raises ``HostError`` for what the disk refuses."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            FileNotFoundError: there is none.
            HostError: it cannot be opened.
        """
        self.path = path
        try:
            self.descriptor = os.open(path, _FOLDER)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise unreadable(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        os.close(self.descriptor)

    def names(self) -> list[str]:
        """Return the names of all files, sorted."""
        try:
            with os.scandir(self.descriptor) as entries:
                return sorted(entry.name for entry in entries)
        except OSError as error:
            raise unreadable(self.path, error) from error

    def read(self, name: str) -> bytes | None:
        """Return a file's bytes, one more than ``MAX_BYTES`` at most; ``None`` without it."""
        try:
            file = os.open(name, _READ, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(self.path / name, error) from error
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise HostError("not a regular file", where=str(self.path / name))
            return _read_all(file)
        except OSError as error:
            raise unreadable(self.path / name, error) from error
        finally:
            os.close(file)

    def write(self, name: str, data: bytes) -> None:
        """Replace a file; on an error it is the old one, or the new one that may not last.

        Raises:
            HostError: the disk is full, read-only or broken; the error says which file it is.
        """
        try:
            self._write_temporary(data)
            os.rename(_TEMPORARY, name, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)
        except OSError as error:
            with suppress(OSError):  # a leftover does no harm
                os.unlink(_TEMPORARY, dir_fd=self.descriptor)
            raise unwritable(self.path / name, error) from error
        self._flush(name)

    def _write_temporary(self, data: bytes) -> None:
        file = os.open(_TEMPORARY, _WRITE, 0o644, dir_fd=self.descriptor)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        finally:
            os.close(file)

    def keep_aside(self, name: str) -> str:
        """Give a file a second name, ``NAME.damaged-N``, so that it outlives its replacement.

        Returns:
            The second name.
        """
        for number in range(1, 1000):
            aside = f"{name}.damaged-{number}"
            try:
                os.link(
                    name,
                    aside,
                    src_dir_fd=self.descriptor,
                    dst_dir_fd=self.descriptor,
                    follow_symlinks=False,
                )
            except FileExistsError:
                continue
            except OSError as error:
                raise unwritable(self.path / aside, error) from error
            return aside
        raise HostError(
            "too many damaged files have been kept",
            where=str(self.path),
            todo="Inspect and remove them",
        )

    def remove(self, name: str) -> None:
        """Remove a file; that there is none is no error."""
        try:
            os.unlink(name, dir_fd=self.descriptor)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unwritable(self.path / name, error) from error
        self._flush(name)

    def _flush(self, name: str) -> None:
        """Make a change of a name last."""
        try:
            os.fsync(self.descriptor)
        except OSError as error:
            raise HostError(
                "written, but could not be flushed to disk",
                where=str(self.path / name),
                found=_cause(error),
                todo=_what_to_do(error),
            ) from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each durably, readable by everybody.

    One that is there is not flushed again, for this runs at every lock: if whoever made it was
    killed before its flush, it lasts from the first record in it, where a journal keeps the
    order of changes (ext4, XFS).

    Raises:
        HostError: one of them cannot be made.
    """
    try:
        if path.is_dir():
            return
        make_folder(path.parent)
        with suppress(FileExistsError):
            os.mkdir(path, 0o755)  # noqa: PTH102 - the same name as the other calls of the disk
        with Folder(path.parent) as parent:
            os.fsync(parent.descriptor)
    except OSError as error:
        raise unwritable(path, error) from error


def unreadable(path: Path, error: OSError) -> HostError:
    """Return the error for something that is there and cannot be read."""
    return HostError(
        "cannot be read",
        where=str(path),
        found=_cause(error),
        todo="Run as root, or fix the file's permissions"
        if error.errno in (errno.EACCES, errno.EPERM)
        else "",
    )


def unwritable(path: Path, error: OSError) -> HostError:
    """Return the error for something that cannot be written."""
    return HostError(
        "cannot be written; the earlier content remains",
        where=str(path),
        found=_cause(error),
        todo=_what_to_do(error),
    )


def _what_to_do(error: OSError) -> str:
    todo = {
        errno.ENOSPC: "Free space on the disk",
        errno.EDQUOT: "Free space in the quota",
        errno.EROFS: "Mount the file system writable",
        errno.EACCES: "Run as root",
        errno.EPERM: "Run as root",
    }
    return todo.get(error.errno or 0, "")


def _cause(error: OSError) -> str:
    return f"{error.strerror} (errno {error.errno})"


def _read_all(file: int) -> bytes:
    data = b""
    while len(data) <= MAX_BYTES and (more := os.read(file, MAX_BYTES + 1 - len(data))):
        data += more
    return data
