# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: portside.py WORDS... Has forkserver.py run ``portside``.

portside.py --all JSON runs commands one after the other, ``portside`` and others, and prints as
JSON what became of each: ``code``, ``out``, ``err``.
"""

import json
import socket
import subprocess
import sys
import time

SOCKET = "/run/portside-tests.sock"
# Its modules are loaded after the boot, which takes a minute on a busy machine.
SECONDS = 240.0


def ask(words: "list[str]") -> "dict[str, object]":
    """Run ``portside`` with these words; return its ``code``, ``out`` and ``err``."""
    with connect() as connection, connection.makefile("rw") as stream:
        stream.write(json.dumps(words) + "\n")
        stream.flush()
        told: dict[str, object] = json.loads(stream.read())
        return told


def connect() -> socket.socket:
    """Connect as soon as there is somebody who listens."""
    deadline = time.monotonic() + SECONDS
    while True:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(SOCKET)
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return connection


def run(words: "list[str]") -> "dict[str, object]":
    """Run a command; one fails or not, the next is run."""
    if words[0] == "portside":
        return ask(words[1:])
    done = subprocess.run(  # noqa: S603 - the tests' own commands
        words, capture_output=True, text=True, check=False
    )
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def main() -> int:
    """Ask, and end as the command ended."""
    if sys.argv[1] == "--all":
        sys.stdout.write(json.dumps([run(words) for words in json.loads(sys.argv[2])]))
        return 0
    told = ask(sys.argv[1:])
    sys.stdout.write(str(told["out"]))
    sys.stderr.write(str(told["err"]))
    return int(str(told["code"]))


if __name__ == "__main__":
    sys.exit(main())
