# SPDX-License-Identifier: Apache-2.0
"""The hook: one process beside the compute container, from socket to Shutdown.

The order of the start matters with a fifth of a CPU: only what answers ``Info`` is
imported before the socket appears, the engine and the log after it.
"""

import gc
import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.hook.names import PLUGIN_SOCKET
from sidecar.process.sockets import SocketFile, socket_name
from sidecar.process.stop import StopReasons

if TYPE_CHECKING:
    from sidecar.hook.define_domain import Settings
    from sidecar.hook.log import HookLog
    from sidecar.hook.server import HookServer


@dataclass(frozen=True, slots=True)
class HookOptions:
    """How to serve.

    Args:
        hook_dir: directory of the hook socket; ``None`` serves plugins only.
        plugin_dir: directory of the plugin API's socket; ``None`` serves hooks only.
        container: the container's name, part of the hook socket's name.
        versions: of ``Callbacks``, newest first.
        log_level: see ``sidecar.hook.names.LOG_LEVELS``.
    """

    hook_dir: Path | None
    plugin_dir: Path | None
    container: str
    versions: tuple[str, ...]
    log_level: str


Load = Callable[[ExitStack], "Settings"]
"""Makes the engine's settings; what must be closed at the end goes on the stack."""


def serve(options: HookOptions, load: Load) -> None:
    """Serve until SIGTERM, SIGINT or ``Shutdown``.

    Args:
        options: how to serve.
        load: called once the sockets are there.

    Raises:
        HostError: a socket cannot be made, or ``load`` failed.
    """
    with StopReasons() as stops, ExitStack() as stack:
        sockets = _sockets(options)
        for socket in sockets:
            stack.callback(socket.withdraw)
            socket.prepare()
        server, log = _start(options, sockets, load, stops, stack)
        log.event(
            "serving",
            sockets=[str(socket.path) for socket in sockets],
            versions=options.versions,
            pid=os.getpid(),
        )
        reason = stops.wait() or "Shutdown"
        for socket in sockets:
            socket.withdraw()
        drained = server.stop()
        log.event("stopped", reason=reason, drained=drained)
        if not drained:
            # A call is still computing, and no caller is left; the interpreter would wait for it.
            os._exit(0)


def _sockets(options: HookOptions) -> list[SocketFile]:
    sockets = []
    if options.hook_dir is not None:
        name = socket_name(options.container, options.hook_dir)
        sockets.append(SocketFile(options.hook_dir, name))
    if options.plugin_dir is not None:
        sockets.append(SocketFile(options.plugin_dir, PLUGIN_SOCKET))
    return sockets


def _start(
    options: HookOptions,
    sockets: list[SocketFile],
    load: Load,
    stops: StopReasons,
    stack: ExitStack,
) -> "tuple[HookServer, HookLog]":
    """Answer ``Info`` first, then load what answers the calls."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its lines are no JSON
    from sidecar.hook.calls import Desk  # noqa: PLC0415 - gRPC, after stale sockets went
    from sidecar.hook.server import HookServer  # noqa: PLC0415 - as above

    desk = Desk()
    server = HookServer(options.versions, desk, stops.give)
    server.start([socket.bind_path for socket in sockets])
    for socket in sockets:
        socket.publish()
    try:
        from sidecar.hook.answer import EngineAnswerer  # noqa: PLC0415 - lxml and structlog
        from sidecar.hook.log import ForeignHandler, HookLog  # noqa: PLC0415 - as above

        log = HookLog(options.log_level, sys.stderr)
        logging.getLogger().addHandler(ForeignHandler(log))
        desk.open(EngineAnswerer(load(stack), log))
    except Exception as error:
        desk.close(error)
        server.stop()
        raise
    gc.collect()
    gc.freeze()  # what is loaded stays: no later collection needs to look at it
    return server, log
