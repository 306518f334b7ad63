# SPDX-License-Identifier: Apache-2.0
"""When to try again what failed: later each time, and each thing by itself."""

from collections.abc import Iterable
from typing import Final

FIRST_SECONDS: Final = 1.0
LONGEST_SECONDS: Final = 300.0
"""As Kubernetes' own controllers (external-provisioner: 1 s to 5 min)."""


class Backoff:
    """Remembers by name what failed, how often in a row, and until when it is left alone.

    Times are seconds of any clock that only goes forward.
    """

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def ready(self, name: str, now: float) -> bool:
        """Tell whether it may be tried."""
        return now >= self._until.get(name, now)

    def failed(self, name: str, now: float) -> float:
        """Note a failure; return the seconds until the next try."""
        failures = self._failures.get(name, 0)
        # 2.0 ** 1024 is out of range, and 300 s are reached long before.
        seconds = min(FIRST_SECONDS * 2.0 ** min(failures, 60), LONGEST_SECONDS)
        self._failures[name] = failures + 1
        self._until[name] = now + seconds
        return seconds

    def succeeded(self, name: str) -> None:
        """Forget that it ever failed."""
        self._failures.pop(name, None)
        self._until.pop(name, None)

    def keep(self, names: Iterable[str]) -> None:
        """Forget all but these."""
        for gone in self._failures.keys() - set(names):
            self.succeeded(gone)

    def next(self) -> float | None:
        """Return when the first of them may be tried, ``None`` if none waits."""
        return min(self._until.values(), default=None)
