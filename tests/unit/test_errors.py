# SPDX-License-Identifier: Apache-2.0
"""The text of an error, as users see it."""

import pytest

from sidecar.errors import HostError, PortsideError


def test_every_part_has_its_place() -> None:
    error = PortsideError("no VF is free", where="pool fast", found="0", expected="1", todo="Wait")
    assert str(error) == "pool fast: no VF is free; found 0; expected 1. Wait"


@pytest.mark.parametrize("todo", ["Try again", "Try again."])
def test_the_text_ends_without_a_full_stop(todo: str) -> None:
    error = HostError("busy", todo=todo)
    assert str(error) == "busy. Try again"
    assert str(error.extended("Nothing has changed.")) == "busy. Try again. Nothing has changed"
