# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: forks a ``portside`` for each request, its modules loaded once.

In an emulated machine the imports take longer than all else. Nothing but modules is shared:
each command has a process of its own, forked from one that has no thread and no connection.
"""

import contextlib
import io
import json
import os
import socket
import traceback

import libvirt  # noqa: F401 - loaded for the children
import pyroute2  # noqa: F401 - loaded for the children

from sidecar.cli.app import app
from sidecar.host import netlink  # noqa: F401 - loaded for the children

SOCKET = "/run/portside-tests.sock"


def main() -> None:
    """Serve until the VM ends."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(SOCKET)
    server.listen()
    while True:
        connection, _ = server.accept()
        child = os.fork()
        if child == 0:
            server.close()
            answer(connection)
        connection.close()
        os.waitpid(child, 0)


def answer(connection: socket.socket) -> None:
    """Run one command in this child, and end it."""
    with connection, connection.makefile("rw") as stream:
        words = json.loads(stream.readline())
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                app(args=words, prog_name="portside")
            except SystemExit as stopped:
                code = stopped.code or 0
            except BaseException:  # noqa: BLE001 - the test must see it, whatever it is
                traceback.print_exc()
                code = 70  # EX_SOFTWARE of sysexits.h
        json.dump({"code": code, "out": out.getvalue(), "err": err.getvalue()}, stream)
    os._exit(0)


if __name__ == "__main__":
    main()
