# SPDX-License-Identifier: Apache-2.0
"""What ends a process that serves: a signal, or a word from one of its threads."""

import os
import signal
from types import TracebackType
from typing import Self

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopReasons:
    """Waits for SIGTERM, SIGINT or ``give``; to be entered in the main thread.

    A pipe carries the reasons, and Python's C handler writes the signals into it
    (``signal.set_wakeup_fd``). A handler in Python would not do: it runs when the main
    thread executes Python again, which a thread that waits for a lock does not, if the
    signal came just before it began to wait or was delivered to another thread.

    The signals stay without effect afterwards: what ends is not ended twice.
    """

    def __enter__(self) -> Self:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)  # Python demands it of a wakeup descriptor
        self._wakeup_before = signal.set_wakeup_fd(self._writing)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # no byte is written without a handler
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._writing)
        os.close(self._reading)

    def give(self) -> None:
        """End the wait from any thread."""
        os.write(self._writing, b"\0")

    def wait(self) -> str | None:
        """Return the signal's name, or ``None`` if ``give`` was called, once either came."""
        while True:
            number = os.read(self._reading, 1)[0]
            if number == 0:
                return None
            if number in _SIGNALS:
                return signal.Signals(number).name
