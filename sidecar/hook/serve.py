# SPDX-License-Identifier: Apache-2.0
"""The hook: one process beside the compute container, from socket to Shutdown.

The order of the start matters with a fifth of a CPU: only what answers ``Info`` is
imported before the socket appears, the engine and the log after it.
"""

import gc
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from sidecar.hook.names import PLUGIN_SOCKET
from sidecar.process.sockets import SocketFile, socket_name
from sidecar.process.stop import StopReasons

if TYPE_CHECKING:
    from sidecar.hook.calls import Desk
    from sidecar.hook.define_domain import Settings
    from sidecar.hook.server import HookServer
    from sidecar.process.log import JsonLog


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


_LOAD_SECONDS = 0.3
"""What the end waits for the beginning at most."""

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
        desk, server = _answer_info(options, sockets, stops)
        loading = _Loading(partial(_load, options, sockets, load, desk, stack), desk, stops.give)
        reason = stops.wait() or "Shutdown"
        for socket in sockets:
            socket.withdraw()
        drained = server.stop()
        if loading.error is not None:
            raise loading.error
        if not loading.log_end(reason, drained=drained):
            # A call is still computing and no caller is left, the engine's source does not
            # open, or the log is not read: the interpreter would wait for each of them.
            os._exit(0)


def _sockets(options: HookOptions) -> list[SocketFile]:
    sockets = []
    if options.hook_dir is not None:
        name = socket_name(options.container, options.hook_dir)
        sockets.append(SocketFile(options.hook_dir, name))
    if options.plugin_dir is not None:
        sockets.append(SocketFile(options.plugin_dir, PLUGIN_SOCKET))
    return sockets


def _answer_info(
    options: HookOptions, sockets: list[SocketFile], stops: StopReasons
) -> "tuple[Desk, HookServer]":
    """Let the sockets appear: ``Info`` is answered, the other calls wait."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its lines are no JSON
    from sidecar.hook.calls import Desk  # noqa: PLC0415 - gRPC, after stale sockets went
    from sidecar.hook.server import HookServer  # noqa: PLC0415 - as above

    desk = Desk()
    server = HookServer(options.versions, desk, stops.give)
    server.start([socket.bind_path for socket in sockets])
    for socket in sockets:
        socket.publish()
    return desk, server


def _load(
    options: HookOptions, sockets: list[SocketFile], load: Load, desk: "Desk", stack: ExitStack
) -> "JsonLog":
    """Load what answers the calls."""
    from sidecar.hook.answer import EngineAnswerer  # noqa: PLC0415 - lxml and structlog
    from sidecar.hook.log import CallLog  # noqa: PLC0415 - as above
    from sidecar.process.log import ForeignHandler, JsonLog  # noqa: PLC0415 - as above
    from sidecar.process.log_writer import LogWriter  # noqa: PLC0415 - as above

    log = JsonLog(options.log_level, LogWriter())
    logging.getLogger().addHandler(ForeignHandler(log))
    desk.open(EngineAnswerer(load(stack), CallLog(log)))
    log.event(
        "serving",
        sockets=[str(socket.path) for socket in sockets],
        versions=options.versions,
        pid=os.getpid(),
    )
    gc.collect()
    gc.freeze()  # what is loaded stays: no later collection needs to look at it
    return log


class _Loading:
    """Loads in a thread: a source of controllers that does not open must not keep us from ending.

    Args:
        load: returns the log.
        desk: fails its calls if ``load`` does.
        stop: called then.
    """

    def __init__(
        self, load: Callable[[], "JsonLog"], desk: "Desk", stop: Callable[[], None]
    ) -> None:
        self.error: Exception | None = None
        """Why there will be no engine."""
        self._log: JsonLog | None = None
        self._load, self._desk, self._stop = load, desk, stop
        self._thread = Thread(target=self._run, name="load", daemon=True)
        self._thread.start()

    def log_end(self, reason: str, *, drained: bool) -> bool:
        """Write the last line; say whether nothing is left to wait for."""
        self._thread.join(_LOAD_SECONDS)
        if self._log is None:
            return False
        self._log.event("stopped", reason=reason, drained=drained)
        return self._log.close() and drained

    def _run(self) -> None:
        try:
            self._log = self._load()
        except Exception as error:  # noqa: BLE001 - raised by the main thread
            self.error = error
            self._desk.close(error)
            self._stop()
