# SPDX-License-Identifier: Apache-2.0
"""One call, whichever service brought it, and what answers it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import grpc

from sidecar.process.grpc_status import abort


@dataclass(frozen=True, slots=True)
class Call:
    """A request to rewrite a domain.

    ``kind`` names service and context for the log, e.g. ``v1alpha3 OnDefineDomain``.
    """

    kind: str
    domain: bytes
    vmi: bytes


Later = Callable[[Callable[[], None]], None]
"""Takes what is to be done once the caller has its answer, or is gone."""


class Answerer(Protocol):
    """Answers calls and keeps the log; loaded after the socket appeared."""

    def define(self, call: Call, later: Later) -> bytes:
        """Return the new domain XML; ``later`` gets what the caller need not wait for.

        Raises:
            PortsideError: see ``sidecar.hook.define_domain.define_domain``.
        """

    def note(self, event: str) -> None:
        """Log a call that changes nothing."""


class Desk:
    """Where calls arrive, from the first moment on; they wait for the answerer.

    The socket appears before the engine is loaded: virt-launcher polls every 300 ms and
    the hook may have a fifth of a CPU, while ``Info`` needs no engine.
    """

    def __init__(self) -> None:
        self._answerer: Future[Answerer] = Future()

    def open(self, answerer: Answerer) -> None:
        """Let the calls that wait, and all later ones, be answered."""
        self._answerer.set_result(answerer)

    def close(self, reason: Exception) -> None:
        """Fail the calls that wait: there will be no answerer."""
        if not self._answerer.done():
            self._answerer.set_exception(reason)

    def define(self, call: Call, context: grpc.ServicerContext) -> bytes:
        """Answer ``call``; an error ends it with the error's status and text.

        What is left for later is done before the server's ``stop`` returns: gRPC runs a
        call's callbacks before it takes the call off its list, and stops when that is empty.
        """

        def later(action: Callable[[], None]) -> None:
            if not context.add_callback(action):
                action()  # the caller is gone already

        try:
            return self._answerer.result().define(call, later)
        except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
            abort(context, error)

    def note(self, event: str) -> None:
        """Log a call that changes nothing, now or once there is a log."""

        def write(answerer: Future[Answerer]) -> None:
            if answerer.exception() is None:
                answerer.result().note(event)

        self._answerer.add_done_callback(write)
