# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: ask_nested.py SOCKET COMMAND runs a shell command in the nested guest.

The socket is the guest's second serial port. Output and exit code become ours.
"""

import re
import socket
import sys

END = re.compile(rb"(?:^|\n)ended: (\d+)\r?\n$")


def main() -> None:
    """Send the command, read until its end."""
    path, command = sys.argv[1:]
    received = b""
    with socket.socket(socket.AF_UNIX) as port:
        port.connect(path)
        port.sendall(command.encode() + b"\n")
        while not (end := END.search(received)):
            received += port.recv(4096)
    sys.stdout.buffer.write(received[: end.start()])
    sys.exit(int(end[1]))


if __name__ == "__main__":
    main()
