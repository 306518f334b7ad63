# SPDX-License-Identifier: Apache-2.0
"""Socket files that appear only once they are served.

virt-launcher takes every entry of a container's directory that is no directory for a
socket, and calls it at once: one that does not answer yet costs it 1 s, a stray file 2 s,
and an ``Info`` that fails ends the VM (``pkg/hooks/manager.go``). So the socket is bound
in a directory of ours beside its later place (the same mount, so that it can be renamed),
and renamed when it can answer.
"""

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

from sidecar.errors import HostError, shorten
from sidecar.process.names import is_kubernetes_name

MAX_PATH = 107
"""Bytes of a unix socket's path: ``sun_path`` has 108, the last one is NUL (unix(7))."""
_ANSWER_SECONDS = 1.0


def socket_name(container: str, directory: Path) -> str:
    """Return a file name that no other sidecar of this pod has, and that a restart repeats.

    Two sidecars whose files have one name never collect, even in different containers.

    Args:
        container: the container's name, or nothing: then the inode of ``directory``
            stands in, which differs between the containers of a pod as well.
        directory: the socket directory.

    Raises:
        HostError: the container's name cannot be part of a file name, or there is no directory.
    """
    if not container:
        return f"portside-{_directory_inode(directory):x}.sock"
    if not is_kubernetes_name(container):
        raise HostError(
            "not a container's name",
            where="CONTAINER_NAME",
            found=shorten(container),
            expected="1 to 63 letters, digits, dots and dashes",
        )
    return f"portside-{container}.sock"


class SocketFile:
    """One socket file: prepared, published, withdrawn.

    Args:
        directory: where the file appears; must exist.
        name: the file's name, unique in the pod.

    Raises:
        HostError: the path is too long for a unix socket.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory.absolute() / name
        self._staging = directory.absolute() / f".{Path(name).stem}"
        self._inode: int | None = None
        length = max(len(os.fsencode(path)) for path in (self.path, self.bind_path))
        if length > MAX_PATH:
            raise HostError(
                "the path is too long for a unix socket",
                where=str(self.path),
                found=f"{length} bytes",
                expected=f"at most {MAX_PATH}",
                todo="Mount the socket directory at a shorter path",
            )

    @property
    def bind_path(self) -> Path:
        """Where to bind: out of the caller's sight, on the same mount."""
        return self._staging / "s"

    def prepare(self) -> None:
        """Make room: remove what an earlier process of this name left behind.

        Raises:
            HostError: somebody answers there, or the directory cannot be written.
        """
        try:
            _remove_stale(self.path)
            self._remove_staging()
            self._staging.mkdir(mode=0o700)
        except OSError as error:
            raise _host_error("cannot prepare the socket", self.path, error) from error

    def publish(self) -> None:
        """Let the name appear. The socket must be served by now.

        Raises:
            HostError: the socket cannot be renamed.
        """
        try:
            self._inode = self.bind_path.lstat().st_ino
            self.bind_path.rename(self.path)
            self._remove_staging()
        except OSError as error:
            raise _host_error("cannot publish the socket", self.path, error) from error

    def withdraw(self) -> None:
        """Remove the name, if it is still ours; never fails."""
        # A directory that is gone or out of reach holds nothing that we could remove.
        with contextlib.suppress(OSError):
            if self._inode is not None and self.path.lstat().st_ino == self._inode:
                self.path.unlink()
        with contextlib.suppress(OSError):
            self._remove_staging()

    def _remove_staging(self) -> None:
        self.bind_path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._staging.rmdir()


def _directory_inode(directory: Path) -> int:
    try:
        return directory.stat().st_ino
    except OSError as error:
        raise _host_error("cannot read the socket directory", directory, error) from error


def _remove_stale(path: Path) -> None:
    """Remove the socket at ``path`` if nobody answers there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise HostError(
            "something else exists at the socket's path",
            where=str(path),
            found=stat.filemode(mode),
            expected="no file, or a socket left by an earlier run",
            todo="Remove it",
        )
    if _answers(path):
        raise HostError(
            "another process serves this socket",
            where=str(path),
            todo="Give each sidecar its own CONTAINER_NAME or directory",
        )
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(_ANSWER_SECONDS)
        try:
            client.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (BlockingIOError, TimeoutError):
            return True  # it listens: only its queue is full
    return True


def _host_error(what: str, path: Path, error: OSError) -> HostError:
    hints = {
        errno.ENOENT: "Mount the directory that is shared with the compute container.",
        errno.EACCES: "Let the sidecar's user (107 in KubeVirt) write there.",
        errno.EROFS: "Mount the directory writable.",
    }
    code = errno.errorcode.get(error.errno or 0, "no errno")
    return HostError(
        what,
        where=str(path),
        found=f"{error.strerror} ({code})",
        todo=hints.get(error.errno or 0, ""),
    )
