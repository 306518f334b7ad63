# SPDX-License-Identifier: Apache-2.0
"""Turns are given to the newest, taken from the idle, and never lost."""

import asyncio
import random

import pytest

from sidecar.errors import CapacityError
from sidecar.process import grpc_turns as module
from sidecar.process.grpc_limits import MAX_WAITING
from sidecar.process.grpc_turns import Turn, Turns


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_newest_that_waits_is_next() -> None:
    async def play() -> list[str]:
        turns, order = Turns(1), []

        async def call(name: str) -> None:
            turn = await turns.take()
            order.append(name)
            turns.give_back(turn)

        held = await turns.take()
        calls = [asyncio.ensure_future(call(name)) for name in "abc"]
        await settle()
        turns.give_back(held)
        await asyncio.gather(*calls)
        assert turns.in_use == 0
        return order

    assert asyncio.run(play()) == ["c", "b", "a"]


def test_of_too_many_the_oldest_is_refused() -> None:
    async def play() -> None:
        turns = Turns(1)
        held = await turns.take()
        calls = [asyncio.ensure_future(turns.take()) for _ in range(MAX_WAITING + 1)]
        await settle()
        assert [call.done() for call in calls] == [True] + [False] * MAX_WAITING
        with pytest.raises(CapacityError, match="too many calls at once"):
            await calls[0]
        # The next oldest goes in the very moment in which another one comes.
        calls[1].cancel()
        newest = asyncio.ensure_future(turns.take())
        await settle()
        turns.give_back(held)
        turns.give_back(await asyncio.wait_for(newest, 1))
        for call in calls[2:]:
            call.cancel()
        await settle()
        assert turns.in_use == 0 or not turns.somebody_waits

    asyncio.run(play())


def test_who_idles_loses_the_turn_once_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)

    async def play() -> list[str]:
        turns, said = Turns(1), []
        idle = await turns.take()

        def revoke() -> None:
            said.append("revoked")
            turns.give_back(idle)

        idle.watch(60, revoke)
        await asyncio.sleep(0.05)
        assert said == []
        turns.give_back(await asyncio.wait_for(turns.take(), 1))
        return said

    assert asyncio.run(play()) == ["revoked"]


class Crowd:
    """Calls that come, go and end by chance."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - reproducible, no secret
        self._turns = Turns(2)
        self._held: list[Turn] = []
        self._calls: list[asyncio.Task[None]] = []

    async def play(self) -> None:
        for _ in range(300):
            self._step(self._chance.randrange(4))
            if self._chance.random() < 0.5:
                await asyncio.sleep(0)
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        while self._held:
            self._turns.give_back(self._held.pop())
        assert self._turns.in_use == 0
        for _ in range(2):
            await asyncio.wait_for(self._turns.take(), 1)

    def _step(self, kind: int) -> None:
        if kind < 2:
            self._calls.append(asyncio.ensure_future(self._call()))
        elif kind == 2 and self._calls:
            self._chance.choice(self._calls).cancel()
        elif self._held:
            self._turns.give_back(self._held.pop())

    async def _call(self) -> None:
        self._held.append(await self._turns.take())


def test_no_turn_is_lost_whoever_goes_and_when(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 4)
    for seed in range(60):
        asyncio.run(Crowd(seed).play())
