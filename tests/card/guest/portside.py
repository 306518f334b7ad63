# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: portside.py WORDS... Has forkserver.py run ``portside``."""

import json
import socket
import sys

SOCKET = "/run/portside-tests.sock"


def main() -> int:
    """Ask, and end as the command ended."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(SOCKET)
        with connection.makefile("rw") as stream:
            stream.write(json.dumps(sys.argv[1:]) + "\n")
            stream.flush()
            told = json.loads(stream.read())
    sys.stdout.write(told["out"])
    sys.stderr.write(told["err"])
    return int(told["code"]) if told["code"] != "exception" else 70


if __name__ == "__main__":
    sys.exit(main())
