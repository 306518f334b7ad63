# SPDX-License-Identifier: Apache-2.0
"""A child that kills itself at the n-th call that changes the disk."""

import os
import signal
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NoReturn

CHANGING = os.O_CREAT | os.O_TRUNC
CALLS = ("write", "pwrite", "fsync", "rename", "mkdir", "link", "unlink", "ftruncate", "open")


class Moment(StrEnum):
    BEFORE = "before"
    HALFWAY = "halfway"
    AFTER = "after"


def run_until_killed(
    number: int, moment: Moment, steps: Sequence[Callable[[], None]]
) -> int | None:
    """Run the steps in a child that gets SIGKILL at a call; return how many it finished.

    ``None`` if it came to its end: there is no such call.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _run_child(number, moment, steps, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        finished = len(pipe.read())
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return finished
    assert os.WEXITSTATUS(status) == 0, "the child failed"
    assert finished == len(steps)
    return None


def _run_child(
    number: int, moment: Moment, steps: Sequence[Callable[[], None]], writer: int
) -> NoReturn:
    tell = os.write
    code = 1
    try:
        _arm(number, moment)
        for step in steps:
            step()
            tell(writer, b".")
        code = 0
    finally:
        os._exit(code)


def _arm(number: int, moment: Moment) -> None:
    left = number

    def wrap(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - stands for any of them
            nonlocal left
            if name == "open" and not arguments[1] & CHANGING:
                return real(*arguments, **named)
            left -= 1
            if left == 0 and moment is not Moment.AFTER:
                if moment is Moment.HALFWAY and name in {"write", "pwrite"}:
                    half = bytes(arguments[1])[: len(arguments[1]) // 2]
                    real(arguments[0], half, *arguments[2:])
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **named)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in CALLS:
        setattr(os, name, wrap(name, getattr(os, name)))
