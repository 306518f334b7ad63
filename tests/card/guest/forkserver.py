# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: forks a ``portside`` or script per request, its modules loaded once.

In an emulated machine the imports take longer than all else. Nothing but modules is shared:
each command has a process of its own, forked from one that has no thread and no connection.
Modules that a command loads by itself are loaded here too, behind its answer, for the next one.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import runpy
import socket
import sys
import traceback
from collections.abc import Iterable

import libvirt  # noqa: F401 - loaded for the children
import pyroute2  # noqa: F401 - loaded for the children

from sidecar.cli.app import app
from sidecar.host import netlink  # noqa: F401 - loaded for the children

SOCKET = "/run/portside-tests.sock"
# As sidecar.cli.main does, before a script loads gRPC: its handlers of fork(2) may end a child.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def main() -> None:
    """Serve until the VM ends."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(SOCKET)
    server.listen()
    while True:
        # Children then share this memory: a collection would write to all of it.
        gc.freeze()
        connection, _ = server.accept()
        learned, tell = os.pipe()
        child = os.fork()
        if child == 0:
            server.close()
            os.close(learned)
            answer(connection, tell)
        connection.close()
        os.close(tell)
        with os.fdopen(learned) as names:
            load(names.read().split())
        os.waitpid(child, 0)


def load(names: Iterable[str]) -> None:
    """Load modules; some names in ``sys.modules`` are none that can be imported."""
    for name in names:
        if name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def answer(connection: socket.socket, tell: int) -> None:
    """Run one command in this child, and end it; tell which modules there are by then."""
    with connection, connection.makefile("rw") as stream:
        words = json.loads(stream.readline())
        out, err = io.StringIO(), io.StringIO()
        code: object = 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                run(words)
            except SystemExit as stopped:
                code = stopped.code or 0
            except BaseException:  # noqa: BLE001 - the test must see it, whatever it is
                traceback.print_exc()
                code = 70  # EX_SOFTWARE of sysexits.h
        json.dump({"code": code, "out": out.getvalue(), "err": err.getvalue()}, stream)
    with os.fdopen(tell, "w") as names:
        names.write("\n".join(sys.modules))
    os._exit(0)


def run(words: list[str]) -> None:
    """Run ``portside``, or the script whose path comes first."""
    if words[0] == "portside":
        app(args=words[1:], prog_name="portside")
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    main()
