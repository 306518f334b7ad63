# SPDX-License-Identifier: Apache-2.0
"""Files whose reads and writes a function answers: one flat folder, served over ``/dev/fuse``.

So open(2), read(2) and write(2) are the real ones, with real errnos, in whichever process; and
an answer that is held back leaves its caller in a sleep that no signal ends (state D), as a
lock in the kernel does. ``linux/fuse.h``, protocol 7.31.
"""

import errno
import itertools
import os
import shutil
import socket
import stat
import struct
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.support import missing

Answer = Callable[[int | bytes], None]
"""Takes the text that was read, the count of bytes written, or the errno as a negative number."""

_HEADER = struct.Struct("=IIQQIIII")  # length, opcode, unique, node, uid, gid, pid, padding
_REPLY = struct.Struct("=IiQ")  # length, -errno, unique
_INIT = struct.Struct("=IIIIHHIIHHI28x")
_ATTRIBUTES = struct.Struct("=QQQQQQIIIIIIIIII")  # struct fuse_attr
_VALID = struct.Struct("=QQQQII")  # of fuse_entry_out: node, generation and how long it holds
_IO = struct.Struct("=QQIIQII")  # handle, offset, size, flags, owner, flags, padding
_DIRECT_IO: Final = 1
_PAGE: Final = 4096
_BUFFER: Final = 1 << 17
_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE = 1, 2, 3, 4, 14, 15, 16
_RELEASE, _INIT_CODE, _BATCH_FORGET = 18, 26, 42
_ROOT: Final = 1


@dataclass(frozen=True, slots=True)
class Request:
    """A read (``text`` is ``None``) or write of a file, by the process ``pid``."""

    name: str
    text: bytes | None
    pid: int
    answer: Answer = field(compare=False)


class AnsweredFiles:
    """A folder in which every name that ``exists`` knows is a file that ``serve`` answers.

    Args:
        folder: where it is mounted.
        exists: tells whether there is a file of a name.
        serve: gets every request; whoever does not answer it leaves the caller asleep.
    """

    def __init__(
        self, folder: Path, exists: Callable[[str], bool], serve: Callable[[Request], None]
    ) -> None:
        self._folder = folder
        self._exists = exists
        self._serve = serve
        self._names: dict[int, str] = {}
        self._nodes: dict[str, int] = {}
        self._numbers = itertools.count(_ROOT + 1)

    def __enter__(self) -> Self:
        tool = shutil.which("fusermount3")
        if tool is None or not os.access("/dev/fuse", os.R_OK | os.W_OK):
            missing("fusermount3 (package fuse3) and /dev/fuse serve the files of the fake kernel")
        self._tool = tool
        self._folder.mkdir(parents=True)
        ours, theirs = socket.socketpair()
        # It stays, and unmounts if we are killed, by which the device and the socket close.
        self._mounter = subprocess.Popen(  # noqa: S603 - a constant command
            [tool, "-o", "auto_unmount,fsname=fake-kernel", "--", str(self._folder)],
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
        )
        theirs.close()
        self._socket = ours
        _, descriptors, *_ = socket.recv_fds(ours, 1, 1)
        if not descriptors:
            _, complaint = self._mounter.communicate()
            ours.close()
            missing(f"FUSE cannot be mounted: {complaint.decode().strip()}")
        (self._device,) = descriptors
        self._thread = threading.Thread(target=self._run, name="fake kernel", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        subprocess.run([self._tool, "-u", "-z", "--", str(self._folder)], check=True)  # noqa: S603 - see above
        # The last use of the mount ends it, and the thread's read(2) with it.
        self._thread.join(timeout=10)
        os.close(self._device)
        self._socket.close()
        self._mounter.communicate(timeout=10)

    def _run(self) -> None:
        while True:
            try:
                message = os.read(self._device, _BUFFER)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return  # unmounted
                if error.errno in {errno.ENOENT, errno.EINTR, errno.EAGAIN}:
                    continue
                raise
            _, code, unique, node, _, _, pid, _ = _HEADER.unpack_from(message)
            self._dispatch(code, unique, node, pid, message[_HEADER.size :])

    def _dispatch(self, code: int, unique: int, node: int, pid: int, body: bytes) -> None:
        if code in {_FORGET, _BATCH_FORGET}:
            return  # these alone want no answer
        if code == _INIT_CODE:
            flags = 0
            version = (7, 31, 0, flags, 12, 9, _PAGE, 1, 0, 0, 0)
            self._reply(unique, _INIT.pack(*version))
        elif code == _LOOKUP:
            self._look_up(unique, body.rstrip(b"\0").decode())
        elif code in {_GETATTR, _SETATTR}:
            self._reply(unique, struct.pack("=QII", 0, 0, 0) + _attributes(node))
        elif code == _OPEN:
            self._reply(unique, struct.pack("=QII", node, _DIRECT_IO, 0))
        elif code == _RELEASE:
            self._reply(unique, b"")
        elif code in {_READ, _WRITE}:
            self._transfer(code, unique, node, pid, body)
        else:
            # Among them INTERRUPT: from then on no signal wakes who waits for an answer.
            self._reply(unique, -errno.ENOSYS)

    def _look_up(self, unique: int, name: str) -> None:
        if not self._exists(name):
            self._reply(unique, -errno.ENOENT)
            return
        node = self._nodes.setdefault(name, next(self._numbers))
        self._names[node] = name
        self._reply(unique, _VALID.pack(node, 0, 0, 0, 0, 0) + _attributes(node))

    def _transfer(self, code: int, unique: int, node: int, pid: int, body: bytes) -> None:
        _, offset, size, *_ = _IO.unpack_from(body)
        if code == _WRITE:
            text = body[_IO.size : _IO.size + size]
            self._serve(Request(self._names[node], text, pid, lambda a: self._wrote(unique, a)))
        else:

            def read(answer: int | bytes) -> None:
                whole = answer if isinstance(answer, int) else answer[offset : offset + size]
                self._reply(unique, whole)

            self._serve(Request(self._names[node], None, pid, read))

    def _wrote(self, unique: int, answer: int | bytes) -> None:
        if isinstance(answer, int) and answer >= 0:
            self._reply(unique, struct.pack("=II", answer, 0))
        else:
            self._reply(unique, answer)

    def _reply(self, unique: int, answer: int | bytes) -> None:
        """Answer with bytes, or with a negative errno."""
        body, code = (answer, 0) if isinstance(answer, bytes) else (b"", answer)
        try:
            os.write(self._device, _REPLY.pack(_REPLY.size + len(body), code, unique) + body)
        except OSError as error:
            # ENOENT: who asked was killed before the kernel sent its question; ENODEV: unmounted.
            if error.errno not in {errno.ENOENT, errno.ENODEV}:
                raise


def _attributes(node: int) -> bytes:
    mode = stat.S_IFDIR | 0o755 if node == _ROOT else stat.S_IFREG | 0o644
    size = 0 if node == _ROOT else _PAGE
    ids = (os.getuid(), os.getgid())
    times = (0, 0, 0, 0, 0, 0)
    return _ATTRIBUTES.pack(node, size, 0, *times[:3], *times[3:], mode, 1, *ids, 0, _PAGE, 0)
