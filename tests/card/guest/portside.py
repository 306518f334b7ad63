# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM, in agent.py: has forkserver.py run ``portside`` and scripts.

``fork portside WORDS...`` and ``fork SCRIPT WORDS...`` are one command. ``fork --all JSON`` runs
commands one after the other, ``portside`` and others, and tells as JSON what became of each:
``code``, ``out``, ``err``.
"""

import json
import socket
import subprocess
import time
from collections.abc import Sequence
from typing import TypedDict

SOCKET = "/run/portside-tests.sock"
PAUSE_SECONDS = 0.1


class Told(TypedDict):
    """How a command ended."""

    code: int
    out: str
    err: str


def run(words: Sequence[str], deadline: float) -> Told:
    """Run the command of these words, or all the commands of ``--all``.

    Raises:
        TimeoutError: it was not done by the deadline, of the monotonic clock.
    """
    if words[0] != "--all":
        return ask(words, deadline)
    told = [
        ask(one, deadline) if one[0] == "portside" else execute(one, deadline)
        for one in json.loads(words[1])
    ]
    return {"code": 0, "out": json.dumps(told), "err": ""}


def ask(words: Sequence[str], deadline: float) -> Told:
    """Have a fork run one command."""
    with connect(deadline) as connection, connection.makefile("rw") as stream:
        stream.write(json.dumps(words) + "\n")
        stream.flush()
        told: Told = json.loads(stream.read())
        return told


def connect(deadline: float) -> socket.socket:
    """Connect as soon as there is somebody who listens: modules are loaded after the boot."""
    while True:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(max(PAUSE_SECONDS, deadline - time.monotonic()))
        try:
            connection.connect(SOCKET)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if time.monotonic() > deadline:
                raise TimeoutError(SOCKET) from None
            time.sleep(PAUSE_SECONDS)
        else:
            return connection


def execute(words: Sequence[str], deadline: float) -> Told:
    """Run another command."""
    try:
        done = subprocess.run(  # noqa: S603 - the tests' own commands
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=max(PAUSE_SECONDS, deadline - time.monotonic()),
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(str(error)) from None
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}
