# SPDX-License-Identifier: Apache-2.0
"""Lines to a descriptor, by a thread of its own: whoever logs never waits for the reader.

Standard error is a pipe whose other end is somebody else's. One that is not read stops
whoever writes to it, and to make it non-blocking would make it so for all who share it.
"""

import json
import os
import select
import threading
from collections import deque
from datetime import UTC, datetime
from typing import Final

STANDARD_ERROR: Final = 2
MAX_BYTES: Final = 1024 * 1024
"""Of lines that wait to be written; beside the call at work, which may take 20 MB of the 64."""
FLUSH_SECONDS: Final = 0.3
"""What the end of a process waits for the reader at most."""


class LogWriter:
    """Writes whole lines in their order, and counts those that it had to drop.

    A line is dropped if those before it are not taken. The next line that finds room is
    preceded by one that says how many were: ``{"event": "log lines dropped", "dropped": 3}``.

    Args:
        descriptor: where to write; never closed, and its flags stay as they are.
        limit: bytes that may wait. A single line may be longer.
    """

    def __init__(self, descriptor: int = STANDARD_ERROR, limit: int = MAX_BYTES) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._waiting = 0
        self._dropped = 0
        self._closing = False
        self._torn = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Leave a line, without its newline, to be written. Never blocks, never fails."""
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        with self._changed:
            if self._closing or (self._waiting and self._waiting + len(data) > self._limit):
                self._dropped += 1
                return
            if self._dropped:
                self._append(self._count_dropped())
            self._append(data)
            self._changed.notify()

    def close(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Write what waits, for a moment; say whether all of it was taken.

        What is left is lost with the process. Later lines are dropped.
        """
        with self._changed:
            if self._dropped and not self._closing:
                self._append(self._count_dropped())
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _append(self, data: bytes) -> None:
        self._lines.append(data)
        self._waiting += len(data)

    def _count_dropped(self) -> bytes:
        time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        fields = {"dropped": self._dropped, "event": "log lines dropped", "level": "warning"}
        self._dropped = 0
        return f"{json.dumps({**fields, 'timestamp': time})}\n".encode()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._lines:
                    if self._closing:
                        return
                    self._changed.wait()
                data = self._lines[0]
            written = self._write_all(data)
            with self._changed:
                # Only now: a line that is being written counts as one that waits.
                self._lines.popleft()
                self._waiting -= len(data)
                self._dropped += not written

    def _write_all(self, data: bytes) -> bool:
        """Write a line; say whether it went out. A torn one is ended before the next."""
        rest = memoryview(b"\n" + data if self._torn else data)
        while rest:
            try:
                count = os.write(self._descriptor, rest)
            except BlockingIOError:  # who shares the pipe made it non-blocking
                select.select([], [self._descriptor], [])
                continue
            except OSError:  # a closed pipe, a full disk: no reason to fail a VM
                return False
            self._torn = count < len(rest)
            rest = rest[count:]
        return True
