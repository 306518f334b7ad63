# SPDX-License-Identifier: Apache-2.0
"""Which calls may have a message in memory: a few turns, and who waits for one.

Whoever opens calls and sends nothing must not keep others out. So the newest call gets the
next turn, and a call that holds one without progress loses it as soon as somebody waits.
Everything here runs in the event loop's thread.
"""

import asyncio
from collections.abc import Callable

from sidecar.errors import CapacityError
from sidecar.process.grpc_limits import MAX_WAITING, PATIENCE


class Turn:
    """One call's hold on memory.

    ``revoke`` is called if it is without progress for too long; only while ``watched``.
    """

    __slots__ = ("_revoke", "_timer", "_turns", "overdue")

    def __init__(self, turns: "Turns") -> None:
        self._turns = turns
        self._revoke: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.overdue = False

    def watch(self, limit: float, revoke: Callable[[], None]) -> None:
        """Expect progress: within ``PATIENCE`` if others wait, within ``limit`` in any case."""
        self.unwatch()
        self._revoke = revoke
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PATIENCE, self._lost_patience, limit - PATIENCE)

    def unwatch(self) -> None:
        """Expect nothing: the progress is ours to make, or was made."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._revoke = None
        self.overdue = False

    def revoke(self) -> None:
        """Take the turn away, once; it is given on when the call has ended."""
        revoke = self._revoke
        self.unwatch()
        if revoke is not None:
            revoke()

    def _lost_patience(self, left: float) -> None:
        if self._turns.somebody_waits:
            self.revoke()
            return
        self.overdue = True
        self._timer = asyncio.get_running_loop().call_later(left, self.revoke)


class Turns:
    """Gives turns to calls.

    Args:
        number: how many there are at once.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._held: dict[Turn, None] = {}
        self._waiting: dict[asyncio.Future[None], None] = {}

    @property
    def somebody_waits(self) -> bool:
        """Whether a call waits for its turn."""
        return bool(self._waiting)

    @property
    def in_use(self) -> int:
        """Count the calls that have a turn or wait for one."""
        return len(self._held) + len(self._waiting)

    async def take(self) -> Turn:
        """Wait for a turn.

        Raises:
            CapacityError: too many calls wait, and this one is the oldest of them.
        """
        if self._free:
            self._free -= 1
        else:
            await self._wait()
        turn = Turn(self)
        self._held[turn] = None
        return turn

    def give_back(self, turn: Turn) -> None:
        """End a turn, and begin that of the newest call that waits."""
        turn.unwatch()
        del self._held[turn]
        self._free += 1
        self._pass_on()

    async def _wait(self) -> None:
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[place] = None
        try:
            self._refuse_oldest()
            late = next((turn for turn in self._held if turn.overdue), None)
            if late is not None:
                late.revoke()
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._free += 1  # the turn came as the caller went
                self._pass_on()
            raise
        finally:
            self._waiting.pop(place, None)

    def _refuse_oldest(self) -> None:
        if len(self._waiting) <= MAX_WAITING:
            return
        oldest = next(iter(self._waiting))
        del self._waiting[oldest]
        if oldest.done():  # its caller went just now
            return
        oldest.set_exception(
            CapacityError(
                "too many calls at once",
                found=f"{MAX_WAITING + 1} waiting",
                expected=f"at most {MAX_WAITING} waiting",
                todo="Call again",
            )
        )

    def _pass_on(self) -> None:
        while self._free and self._waiting:
            newest, _ = self._waiting.popitem()
            if not newest.done():
                self._free -= 1
                newest.set_result(None)
