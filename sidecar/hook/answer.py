# SPDX-License-Identifier: Apache-2.0
"""Answers calls: bounds, engine, log. Loaded after the socket appeared."""

import time
from functools import partial

from sidecar.hook.calls import Call, Later
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.hook.log import CallLog
from sidecar.process.grpc_methods import Note
from sidecar.process.malloc import LARGE, return_large_blocks
from sidecar.process.message_sizes import check_reply, check_request


class EngineAnswerer:
    """The engine behind every service.

    Args:
        settings: what the administrator chose.
        log: gets one line a call, after the answer.
    """

    def __init__(self, settings: Settings, log: CallLog) -> None:
        self._settings = settings
        self._log = log
        self._return_memory = return_large_blocks()

    def define(self, call: Call, later: Later) -> bytes:
        """Return the new domain XML; the log's line is left for ``later``.

        Raises:
            MessageSizeError: the call or its answer is too large.
            PortsideError: see ``sidecar.hook.define_domain.define_domain``.
        """
        started = time.perf_counter()
        large = len(call.domain) + len(call.vmi) > LARGE
        try:
            check_request(call.domain, call.vmi)
            outcome = define_domain(call.vmi, call.domain, self._settings)
            check_reply(outcome.mutation.domain)
        except Exception as error:
            later.append(partial(self._log.refused, call, error, _milliseconds_since(started)))
            raise
        else:
            later.append(partial(self._log.answered, call, outcome, _milliseconds_since(started)))
        finally:
            if large:
                later.append(self._return_memory)
        return outcome.mutation.domain

    @property
    def note(self) -> Note:
        """Log what rewrites no domain."""
        return self._log.event


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
