# SPDX-License-Identifier: Apache-2.0
"""Sets of VF numbers as text, ``0-6,9``: the form of the kernel's CPU lists."""

import re
from collections.abc import Iterable

from sidecar.model.vf import MAX_FUNCTIONS

_RANGE = re.compile(r"(0|[1-9][0-9]{0,4})(?:-([1-9][0-9]{0,4}))?")


def format_numbers(numbers: Iterable[int]) -> str:
    """Write a set of numbers; no number is the empty text."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] + 1 == number:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def parse_numbers(text: str) -> frozenset[int]:
    """Read a set of numbers.

    Raises:
        ValueError: no such text, or a number that no VF can have.
    """
    numbers: set[int] = set()
    for part in text.split(",") if text else ():
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not a range of VF numbers")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last <= MAX_FUNCTIONS:
            raise ValueError(f"{part!r} is not a range of VF numbers up to {MAX_FUNCTIONS}")
        numbers.update(range(first, last + 1))
    return frozenset(numbers)
