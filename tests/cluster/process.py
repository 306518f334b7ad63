# SPDX-License-Identifier: Apache-2.0
"""Processes that a test starts and ends by their ids."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

END_SECONDS = 20


def free_port() -> int:
    """Return a port of loopback that nobody listens on just now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str | Path], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program, its output in ``log``, and end it."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - programs that we found or built
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
