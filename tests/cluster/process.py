# SPDX-License-Identifier: Apache-2.0
"""Processes that a test starts and ends by their ids."""

import errno
import random
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

END_SECONDS = 20


PORTS = range(20000, 32000)
"""Below what Linux gives to outgoing connections, so that none takes the port meanwhile."""


def free_port() -> int:
    """Return a port of loopback that nobody listens on just now.

    Raises:
        OSError: a hundred ports, chosen at random, were taken.
    """
    for port in random.sample(PORTS, 100):
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(errno.EADDRINUSE, f"no free port among {PORTS}")


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
