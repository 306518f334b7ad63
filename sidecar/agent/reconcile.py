# SPDX-License-Identifier: Apache-2.0
"""Keeps the autostart pools at their minimum.

Level-triggered: each pass looks at every pool and lets it be started, which does nothing to one
that has all it wants. What woke the loop does not matter, so nothing is lost with an event or a
restart.
"""

import time
from collections.abc import Callable, Iterable
from threading import Event
from typing import Final, Protocol

from sidecar.process.backoff import Backoff

SHORTEST_PASS: Final = 0.5
"""Seconds between two passes, however many events there are: ours are among them."""


class Report(Protocol):
    """Hears what came of it."""

    def kept(self, pool: str, seconds: float) -> None:
        """A pool has its minimum and its network; it took ``seconds`` to see to that."""

    def failed(self, pool: str, error: Exception, retry: float) -> None:
        """A pool could not be seen to; it is left alone for ``retry`` seconds."""

    def unreadable(self, error: Exception) -> None:
        """The pools could not be listed in this pass."""


class Reconciler:
    """The loop; ``run`` belongs in a thread of its own, the rest may be called from any.

    Args:
        names: lists the pools to keep, from disk.
        ensure: gives a pool its minimum; does nothing to one that has it.
        report: hears what came of it.
        interval: seconds between two passes without events.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        names: Callable[[], Iterable[str]],
        ensure: Callable[[str], object],
        report: Report,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = names
        self._ensure = ensure
        self._report = report
        self._interval = interval
        self._clock = clock
        self._backoff = Backoff()
        self._wake = Event()
        self._stopping = Event()
        self.passes = 0
        """Passes that ended, for those who ask whether the loop still turns."""

    def wake(self) -> None:
        """Have the next pass begin soon."""
        self._wake.set()

    def stop(self) -> None:
        """End ``run`` after the pool that it is at."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Pass until ``stop``."""
        while not self._stopping.is_set():
            self._wake.clear()
            self.run_once()
            self._wait()

    def run_once(self) -> None:
        """See to every pool that is not left alone; one that fails does not stop the others."""
        try:
            names = list(self._names())
        except Exception as error:  # noqa: BLE001 - the loop must outlive a disk that is full
            self._report.unreadable(error)
        else:
            self._backoff.keep(names)
            for name in names:
                if self._stopping.is_set():
                    return
                if self._backoff.ready(name, self._clock()):
                    self._see_to(name)
        self.passes += 1

    def _see_to(self, name: str) -> None:
        started = self._clock()
        try:
            self._ensure(name)
        except Exception as error:  # noqa: BLE001 - a bug with one pool must not starve the others
            self._report.failed(name, error, self._backoff.failed(name, self._clock()))
        else:
            self._backoff.succeeded(name)
            self._report.kept(name, self._clock() - started)

    def _wait(self) -> None:
        """Wait for an event, for the interval, or for a pool that may be tried again."""
        retry = self._backoff.next()
        left = self._interval if retry is None else min(self._interval, retry - self._clock())
        self._stopping.wait(SHORTEST_PASS)
        self._wake.wait(max(left - SHORTEST_PASS, 0.0))
