# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

import pytest

from sidecar.model.digits import is_number

SIDECAR = Path(__file__).parents[3] / "sidecar"


@pytest.mark.parametrize("text", ["0", "07", "9494"])
def test_ascii_digits_are_a_number(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1_0", "+1", "-1", "0x1", "\u0661\u0662", "\uff19\uff14", "\u00b2", "1\u0663"],
)
def test_nothing_else_is(text: str) -> None:
    assert not is_number(text)


def test_no_other_place_asks_python_what_a_digit_is() -> None:
    # \d in a pattern of text matches the digits of every script, too.
    asking = re.compile(r"\.is(?:digit|decimal|numeric)\(|re\.compile\(.*\\d")
    places = [
        f"{path.relative_to(SIDECAR)}: {line.strip()}"
        for path in SIDECAR.rglob("*.py")
        for line in path.read_text().splitlines()
        if asking.search(line) and "isascii()" not in line
    ]
    assert places == []
