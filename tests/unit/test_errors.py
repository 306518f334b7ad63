# SPDX-License-Identifier: Apache-2.0
"""The text of an error, as users see it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sidecar
from sidecar.errors import HostError, PortsideError

SOURCES = Path(sidecar.__file__).parent
# In these words the texts were once riddles; each has a plain one.
RIDDLES = (
    "somebody",
    "no more,",
    "is to be inspected",
    "belong into",
    " anew",
    "let go of",
    "mend",
)


def test_every_part_has_its_place() -> None:
    error = PortsideError("no VF is free", where="pool fast", found="0", expected="1", todo="Wait")
    assert str(error) == "pool fast: no VF is free; found 0; expected 1. Wait"


@pytest.mark.parametrize("todo", ["Try again", "Try again."])
def test_the_text_ends_without_a_full_stop(todo: str) -> None:
    error = HostError("busy", todo=todo)
    assert str(error) == "busy. Try again"
    assert str(error.extended("Nothing has changed.")) == "busy. Try again. Nothing has changed"


def _texts(tree: ast.Module) -> Iterator[str]:
    """Return the arguments of calls that are text: messages and help, without docstrings."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
                for node in ast.walk(argument):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        yield node.value


def test_no_message_is_a_riddle() -> None:
    found = [
        f"{path.relative_to(SOURCES)}: {text}"
        for path in SOURCES.rglob("*.py")
        for text in _texts(ast.parse(path.read_text(encoding="utf-8")))
        if any(riddle in text for riddle in RIDDLES)
    ]
    assert found == []
