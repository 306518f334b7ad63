# SPDX-License-Identifier: Apache-2.0
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from sidecar.agent.reconcile import SHORTEST_PASS, Reconciler
from sidecar.errors import CapacityError, HostError

HOUR = 3600.0


class Pools:
    """Pools that fail or not, a clock, and all that was said."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.failing: dict[str, Exception] = {}
        self.now = 0.0
        self.tried: list[str] = []
        self.said: list[tuple[object, ...]] = []
        self.third_pass = Event()

    def list(self) -> list[str]:
        if "list" in self.failing:
            raise self.failing["list"]
        return self.names

    def ensure(self, name: str) -> None:
        self.tried.append(name)
        if self.tried.count(name) == 3:
            self.third_pass.set()
        if name in self.failing:
            raise self.failing[name]

    def kept(self, pool: str, seconds: float) -> None:
        self.said.append(("kept", pool, seconds))

    def failed(self, pool: str, error: Exception, retry: float) -> None:
        self.said.append(("failed", pool, str(error), retry))

    def unreadable(self, error: Exception) -> None:
        self.said.append(("unreadable", str(error)))


def loop_of(pools: Pools, interval: float = HOUR) -> Reconciler:
    return Reconciler(pools.list, pools.ensure, pools, interval, lambda: pools.now)


def test_every_pool_is_seen_to_in_each_pass() -> None:
    pools = Pools("a", "b")
    loop = loop_of(pools)
    loop.run_once()
    pools.names = ["b", "c"]
    loop.run_once()
    assert pools.tried == ["a", "b", "b", "c"]


def test_one_that_fails_does_not_stop_the_others_and_is_left_alone_for_a_while() -> None:
    pools = Pools("a", "b")
    pools.failing["a"] = CapacityError("held by somebody")
    loop = loop_of(pools)
    for pools.now in (0.0, 0.5, 1.0, 2.5, 3.0):
        loop.run_once()
    assert pools.tried.count("b") == 5
    assert [one for one in pools.said if one[0] == "failed"] == [
        ("failed", "a", "held by somebody", seconds) for seconds in (1.0, 2.0, 4.0)
    ]


def test_a_bug_with_one_pool_does_not_stop_the_others() -> None:
    pools = Pools("a", "b")
    pools.failing["a"] = KeyError("x")
    loop_of(pools).run_once()
    assert pools.tried == ["a", "b"]


def test_a_pool_that_came_right_starts_anew() -> None:
    pools = Pools("a")
    pools.failing["a"] = CapacityError("no")
    loop = loop_of(pools)
    loop.run_once()
    pools.now = 1.0
    loop.run_once()
    pools.now, error = 3.0, pools.failing.pop("a")
    loop.run_once()
    pools.failing["a"] = error
    loop.run_once()
    assert pools.said[-1] == ("failed", "a", "no", 1.0)


def test_pools_that_cannot_be_listed_are_listed_again() -> None:
    pools = Pools("a")
    pools.failing["list"] = HostError("a record is damaged")
    loop = loop_of(pools)
    loop.run_once()
    assert pools.said == [("unreadable", "a record is damaged")]
    del pools.failing["list"]
    loop.run_once()
    assert pools.tried == ["a"]


@contextmanager
def running(loop: Reconciler) -> Iterator[Thread]:
    thread = Thread(target=loop.run)
    thread.start()
    try:
        yield thread
    finally:
        loop.stop()
        thread.join(10)
        assert not thread.is_alive()


def wait_until(condition: Callable[[], bool]) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < 10
        time.sleep(0.005)
    return time.monotonic() - started


def test_an_event_wakes_it_and_many_events_are_one() -> None:
    pools = Pools("a")
    loop = loop_of(pools)
    with running(loop):
        wait_until(lambda: loop.passes == 1)
        for _ in range(100):
            loop.wake()
        wait_until(lambda: loop.passes == 2)
        # A pass too many would come after the shortest time between two.
        assert not pools.third_pass.wait(SHORTEST_PASS + 0.2)


def test_without_events_the_interval_wakes_it() -> None:
    pools = Pools("a")
    loop = Reconciler(pools.list, pools.ensure, pools, interval=0.6)
    with running(loop):
        wait_until(lambda: loop.passes == 3)


def test_a_pool_that_waits_wakes_it_before_the_interval() -> None:
    pools = Pools("a")
    pools.failing["a"] = CapacityError("no")
    loop = Reconciler(pools.list, pools.ensure, pools, interval=HOUR)
    with running(loop):
        assert 0.9 < wait_until(lambda: len(pools.tried) == 2) < 5


def test_stopping_it_does_not_wait_for_the_next_pass() -> None:
    loop = loop_of(Pools("a"))
    with running(loop):
        wait_until(lambda: loop.passes == 1)
        started = time.monotonic()
    assert time.monotonic() - started < 2
