# SPDX-License-Identifier: Apache-2.0
"""How a call is answered: its turn, its message, the work, its status.

Runs in the event loop's thread, which never works itself and never waits but for gRPC.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Never, cast

import grpc.aio

from sidecar.errors import CapacityError, PortsideError
from sidecar.process.grpc_gate import Gate
from sidecar.process.grpc_limits import READ_SECONDS, TAKE_SECONDS, Limits
from sidecar.process.grpc_methods import Instant, Methods, Note, Work
from sidecar.process.grpc_status import status_code, status_details
from sidecar.process.grpc_turns import Turn, Turns

_NOTE_SECONDS = 1.0
"""Between two log lines about callers that were cut off."""

_NO_MESSAGE: object = grpc.aio.EOF
_Context = grpc.aio.ServicerContext[bytes, bytes]
_Behaviour = Callable[[object, _Context], Coroutine[Any, Any, bytes]]


class _Done:
    """What came out of the work: a reply or an error, and what is left for later."""

    __slots__ = ("error", "later", "reply")

    def __init__(self) -> None:
        self.reply = b""
        self.error: Exception | None = None
        self.later: list[Callable[[], None]] = []


class Handling:
    """Answers the calls of one server.

    Args:
        limits: what callers may take.
        gate: where the calls' connections come through.
        note: writes a log line; must not block.
    """

    def __init__(self, limits: Limits, gate: Gate, note: Note) -> None:
        self._pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="call")
        self._turns = Turns(limits.turns)
        self._gate = gate
        self._note = note
        self._tasks: set[asyncio.Task[None]] = set()
        self._given_up = 0

    def handlers(self, methods: Methods) -> tuple[grpc.GenericRpcHandler, ...]:
        """Return what gRPC is to call.

        As methods that take a stream: of a method that takes one message gRPC reads that
        before it asks anybody.
        """
        return tuple(
            grpc.method_handlers_generic_handler(
                service,
                {
                    name: grpc.stream_unary_rpc_method_handler(self._behaviour(method))
                    for name, method in of_service.items()
                },
            )
            for service, of_service in methods.items()
        )

    def tell(self) -> None:
        """Write a line if callers were cut off, from now on."""
        if self._gate.closed or self._given_up:
            self._note(
                "callers disconnected",
                level="warning",
                connections_closed=self._gate.closed,
                calls_given_up=self._given_up,
            )
            self._gate.closed = self._given_up = 0
        asyncio.get_running_loop().call_later(_NOTE_SECONDS, self.tell)

    async def drain(self, seconds: float) -> bool:
        """Wait until no call is in work; say whether that was so in time."""
        end = time.monotonic() + seconds
        while self._turns.in_use:
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.005)
        self._pool.shutdown()
        return True

    def _behaviour(self, method: Work | Instant) -> _Behaviour:
        if isinstance(method, Instant):
            return _bind(_answer_at_once, method)
        return _bind(self._answer, method)

    async def _answer(self, method: Work, context: _Context) -> bytes:
        try:
            turn = await self._turns.take()
        except CapacityError as error:
            self._given_up += 1
            await _abort(context, error)
        try:
            message = [await self._read(turn, context)]  # a list, to be emptied by the work
        except BaseException:
            self._turns.give_back(turn)
            raise
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, _work, method, message)
        _when_over(context, lambda: work.add_done_callback(partial(self._finish, turn)))
        # The caller may go, and the thread works on: the turn ends with both.
        done = await asyncio.shield(work)
        turn.watch(TAKE_SECONDS, partial(self._close_stalled, loop.time()))
        if done.error is not None:
            await _abort(context, done.error)
        reply, done.reply = done.reply, b""
        return reply

    async def _read(self, turn: Turn, context: _Context) -> bytes:
        turn.watch(READ_SECONDS, partial(self._give_up, context))
        message = await context.read()
        turn.unwatch()
        if message is _NO_MESSAGE:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the call has no message")
        return message

    def _give_up(self, context: _Context) -> None:
        """End a call whose message does not come: reading it ends then, too."""
        self._given_up += 1
        error = CapacityError(
            "the call's message did not arrive in time",
            expected="the message within half a second while other calls wait",
            todo="Call again",
        )
        self._spawn(_abort(context, error))

    def _close_stalled(self, since: float) -> None:
        """Close what keeps an answer from being taken: gRPC does not tell which one it is.

        So all go that were there when the answer was sent.
        """
        self._gate.close_older(since)

    def _finish(self, turn: Turn, work: "asyncio.Future[_Done]") -> None:
        """Do what was left for later, once the caller has its answer or is gone."""
        turn.unwatch()
        later = [] if work.cancelled() else work.result().later
        if not later:
            self._turns.give_back(turn)
            return
        ending = asyncio.get_running_loop().run_in_executor(self._pool, _run_all, later)
        ending.add_done_callback(lambda _: self._turns.give_back(turn))

    def _spawn(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(_run_quietly(coroutine))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _bind(
    answer: Callable[[Any, _Context], Coroutine[Any, Any, bytes]], method: Work | Instant
) -> _Behaviour:
    """Bind ``method``; gRPC takes a real coroutine function only, no ``partial``."""

    async def behaviour(_messages: object, context: _Context) -> bytes:
        return await answer(method, context)

    return behaviour


async def _answer_at_once(method: Instant, context: _Context) -> bytes:
    if method.ended is not None:
        _when_over(context, method.ended)
    if method.noted is not None:
        method.noted()
    return method.reply


def _when_over(context: _Context, act: Callable[[], None]) -> None:
    """Call ``act`` once the caller has its answer, or is gone."""

    def over(_context: _Context) -> None:
        act()

    # The stubs' name for the argument is that of gRPC's documentation, not of its calls.
    context.add_done_callback(cast("Any", over))


async def _abort(context: _Context, error: Exception) -> Never:
    """End the call with the status of ``error``."""
    await context.abort(status_code(error), status_details(error))


async def _run_quietly(coroutine: Coroutine[Any, Any, object]) -> None:
    # The call's own coroutine meets the same end; a call that is over cannot be ended.
    with contextlib.suppress(grpc.aio.AbortError, grpc.aio.BaseError, grpc.aio.UsageError):
        await coroutine


def _work(method: Work, message: list[bytes]) -> _Done:
    done = _Done()
    try:
        # Nobody but the method holds the message now, and it can let go of it.
        done.reply = method.answer(message.pop(), done.later)
    except PortsideError as error:
        done.error = error.with_traceback(None)
    except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
        done.error = error
    return done


def _run_all(actions: list[Callable[[], None]]) -> None:
    # One by one off the list: what the one holds is free when the next one runs.
    while actions:
        actions.pop(0)()
