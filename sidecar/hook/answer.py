# SPDX-License-Identifier: Apache-2.0
"""Answers calls: bounds, engine, log. Loaded after the socket appeared."""

import time
from functools import partial

from sidecar.hook.calls import Call, Later
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.hook.log import HookLog
from sidecar.process.message_sizes import check_reply, check_request


class EngineAnswerer:
    """The engine behind every service.

    Args:
        settings: what the administrator chose.
        log: gets one line a call, after the answer.
    """

    def __init__(self, settings: Settings, log: HookLog) -> None:
        self._settings = settings
        self._log = log

    def define(self, call: Call, later: Later) -> bytes:
        """Return the new domain XML; the log's line is left for ``later``.

        Raises:
            MessageSizeError: the call or its answer is too large.
            PortsideError: see ``sidecar.hook.define_domain.define_domain``.
        """
        started = time.perf_counter()
        try:
            check_request(call.domain, call.vmi)
            outcome = define_domain(call.vmi, call.domain, self._settings)
            check_reply(outcome.mutation.domain)
        except Exception as error:
            later(partial(self._log.refused, call, error, _milliseconds_since(started)))
            raise
        later(partial(self._log.answered, call, outcome, _milliseconds_since(started)))
        return outcome.mutation.domain

    def note(self, event: str) -> None:
        """Log a call that changes nothing."""
        self._log.event(event)


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
