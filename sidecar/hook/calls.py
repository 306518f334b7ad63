# SPDX-License-Identifier: Apache-2.0
"""One call, whichever service brought it, and what answers it."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from sidecar.process.grpc_methods import MalformedMessageError, Note
from sidecar.process.grpc_status import status_code, status_details


@dataclass(frozen=True, slots=True)
class Call:
    """A request to rewrite a domain.

    ``kind`` names service and context for the log, e.g. ``v1alpha3 OnDefineDomain``.
    """

    kind: str
    domain: bytes
    vmi: bytes


Later = list[Callable[[], None]]
"""Takes what is to be done once the caller has its answer, or is gone."""


class Answerer(Protocol):
    """Answers calls and keeps the log; loaded after the socket appeared."""

    def define(self, call: Call, later: Later) -> bytes:
        """Return the new domain XML; ``later`` gets what the caller need not wait for.

        Raises:
            PortsideError: see ``sidecar.hook.define_domain.define_domain``.
        """

    @property
    def note(self) -> Note:
        """Log what rewrites no domain."""


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

    def define(self, call: Call, later: Later) -> bytes:
        """Answer ``call``; see ``Answerer``."""
        return self._answerer.result().define(call, later)

    def note(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Log what rewrites no domain, now or once there is a log."""

        def write(answerer: Future[Answerer]) -> None:
            if answerer.exception() is None:
                answerer.result().note(event, level=level, **fields)

        self._answerer.add_done_callback(write)

    @contextmanager
    def noting_what_is_malformed(self, kind: str, later: Later) -> Iterator[None]:
        """Leave the line of a call whose message cannot be read for ``later``."""
        try:
            yield
        except MalformedMessageError as error:
            code, details = status_code(error).name, status_details(error)
            fields = {"outcome": "refused", "code": code, "error": details}
            later.append(partial(self.note, kind, level="error", **fields))
            raise
