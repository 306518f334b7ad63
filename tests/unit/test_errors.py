# SPDX-License-Identifier: Apache-2.0
"""The text of an error, as users see it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import sidecar
from sidecar.errors import HostError, PortsideError

SOURCES = Path(sidecar.__file__).parent


def test_every_part_has_its_place() -> None:
    error = PortsideError("no VF is free", where="pool fast", found="0", expected="1", todo="Wait")
    assert str(error) == "pool fast: no VF is free; found 0; expected 1. Wait"


def test_what_remains_follows_the_remedy() -> None:
    error = HostError("busy", todo="Try again").extended("Nothing has changed")
    assert str(error) == "busy. Try again. Nothing has changed"


def _remedies(tree: ast.Module) -> Iterator[str]:
    for call in ast.walk(tree):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == "todo" and isinstance(keyword.value, ast.Constant):
                yield str(keyword.value.value)


def test_a_remedy_ends_without_a_full_stop() -> None:
    remedies = {
        path.relative_to(SOURCES): list(_remedies(ast.parse(path.read_text(encoding="utf-8"))))
        for part in ("agent", "cli", "doctor", "hook", "host", "pools", "process", "state", "virt")
        for path in (SOURCES / part).rglob("*.py")
    }
    assert sum(map(len, remedies.values())) > 40
    assert {
        path for path, texts in remedies.items() if any(t.endswith(".") for t in texts)
    } == set()
