# SPDX-License-Identifier: Apache-2.0
"""Wires the agent, from the first log line to the last."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Final

from prometheus_client import CollectorRegistry

from sidecar.agent.counters import Tally
from sidecar.agent.metrics import Census
from sidecar.agent.node_hook_service import NodeHookServer
from sidecar.agent.node_hooks import NodeHooks
from sidecar.agent.pool_loop import PoolKeeper
from sidecar.agent.reconcile import Reconciler
from sidecar.agent.snapshot import look, what_is_wrong
from sidecar.errors import HostError, PortsideError
from sidecar.host.uevents import UeventWatch, open_uevents
from sidecar.pools.context import Node
from sidecar.pools.observe import ask_guests
from sidecar.pools.rules.availability import NO_LIBVIRT, Guests
from sidecar.process.bug import describe_bug, format_traceback
from sidecar.process.log import ForeignHandler, JsonLog
from sidecar.process.log_writer import LogWriter
from sidecar.process.sockets import SocketFile
from sidecar.process.stop import StopReasons
from sidecar.process.web import Pages, WebServer

_STOP_SECONDS: Final = 5.0
"""Beyond what a write of ``sriov_numvfs`` may take; its intent is on disk in any case."""


@dataclass(frozen=True, slots=True)
class AgentOptions:
    """How to serve.

    Args:
        socket: of KubeVirt's NodeHookService; ``None`` serves none.
        metrics: see ``sidecar.process.web``; ``None`` serves no HTTP.
        libvirt: whether this host has one: then it is asked who has which VF, and pools are kept.
        interval: seconds between two looks at the pools.
        log_level: see ``sidecar.hook.names.LOG_LEVELS``.
    """

    socket: Path | None
    metrics: tuple[str, int] | Path | None
    libvirt: bool
    interval: float
    log_level: str


def serve(node: Node, options: AgentOptions) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        HostError: a socket or an address cannot be had.
    """
    with StopReasons() as stops, ExitStack() as stack:
        log = JsonLog(options.log_level, LogWriter())
        logging.getLogger().addHandler(ForeignHandler(log))
        registry = CollectorRegistry()
        tally = Tally(registry)
        guests = _ask(node, options)
        registry.register(Census(lambda: look(node, guests())))
        alive = _keep_pools(node, options, tally, log, stack)
        address = _serve_web(node, options, registry, alive, stack)
        drain = _serve_hooks(options, NodeHooks(node, guests, tally, log), log, stack)
        log.event(
            "serving",
            socket=str(options.socket or ""),
            metrics=address,
            pools=options.libvirt,
            pid=os.getpid(),
        )
        reason = stops.wait() or ""
        drained = drain()
        stack.close()
        log.event("stopped", reason=reason, drained=drained)
        taken = log.close()
        if not drained or not taken:
            # A call waits for the kernel still, and what it had begun is on disk as begun; or
            # the log is not read.
            os._exit(0)


def _ask(node: Node, options: AgentOptions) -> Callable[[], Guests]:
    """Return what asks this host's libvirt who has which VF."""
    return (lambda: ask_guests(node)) if options.libvirt else (lambda: NO_LIBVIRT)


def _serve_hooks(
    options: AgentOptions, hooks: NodeHooks, log: JsonLog, stack: ExitStack
) -> Callable[[], bool]:
    """Serve the socket; return what ends that and says whether every call ended."""
    if options.socket is None:
        return lambda: True
    server = NodeHookServer(hooks.handle, log.event)
    socket = SocketFile(options.socket.parent, options.socket.name)
    stack.callback(socket.withdraw)
    socket.prepare()
    server.start([socket.bind_path])
    socket.publish()

    def drain() -> bool:
        socket.withdraw()
        return server.stop()

    return drain


def _keep_pools(
    node: Node, options: AgentOptions, tally: Tally, log: JsonLog, stack: ExitStack
) -> Callable[[], bool]:
    """Start the loop and what wakes it; return what tells whether it still turns."""
    if not options.libvirt:
        log.event("pools are not kept at their minimum: no libvirt on this host (--connect none)")
        return lambda: True
    keeper = PoolKeeper(node, tally, log)
    loop = Reconciler(keeper.names, keeper.ensure, keeper, options.interval)
    thread = stack.enter_context(_running(log, loop.run, loop.stop, node.seconds))
    stack.enter_context(_listening(loop.wake, log))
    return thread.is_alive


@contextmanager
def _listening(changed: Callable[[], None], log: JsonLog) -> Iterator[None]:
    """Listen to the kernel's events, or say why not."""
    try:
        listener = open_uevents()
    except HostError as error:
        log.event("no uevents", level="warning", error=str(error))
        yield
        return
    watch = UeventWatch(listener, changed)
    with _running(log, watch.run, watch.stop, 0.0):
        yield
    watch.close()


@contextmanager
def _running(
    log: JsonLog, run: Callable[[], None], stop: Callable[[], None], patience: float
) -> Iterator[Thread]:
    def guarded() -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - a thread's last words belong in the log
            log.event(
                "worker thread died",
                level="error",
                error=describe_bug(error),
                traceback=format_traceback(error),
            )

    thread = Thread(target=guarded, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop()
        thread.join(patience + _STOP_SECONDS)


def _serve_web(
    node: Node,
    options: AgentOptions,
    registry: CollectorRegistry,
    alive: Callable[[], bool],
    stack: ExitStack,
) -> str:
    if options.metrics is None:
        return ""

    def healthy() -> str:
        return "" if alive() else "the pool loop has ended: see the log"

    def ready() -> str:
        try:
            return healthy() or what_is_wrong(node)
        except PortsideError as error:
            return str(error)

    server = WebServer(options.metrics, Pages(registry, healthy, ready))
    server.start()
    stack.callback(server.stop)
    return server.address
