# SPDX-License-Identifier: Apache-2.0
"""Kubernetes quantities that count things.

Grammar: ``apimachinery/pkg/api/resource``, type ``Quantity``: a decimal number with a
binary suffix (``Ki``), a decimal one (``k``, ``m``) or an exponent (``e1``). Counts of
devices have to come out whole: ``5``, ``5.0``, ``5000m`` and ``5e0`` are all 5.
"""

import re

from sidecar.vmi.field import Field

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}

# Lengths are bounded so that no text makes the arithmetic slow.
_TEXT = re.compile(
    r"(?P<sign>[+-]?)"
    r"(?:(?P<whole>[0-9]{1,40})(?:\.(?P<part>[0-9]{0,40}))?|\.(?P<only>[0-9]{1,40}))"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,3})|(?P<suffix>[numkMGTPE]|[KMGTPE]i)?)"
)


def read_count(field: Field, low: int, high: int) -> int:
    """Return a quantity, given as a number or as text, that must be whole.

    Raises:
        RequestError: no quantity, a fraction, or outside of ``low`` to ``high``.
    """
    expected = f"a whole number from {low} to {high}"
    value = field.value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise field.refuse("wrong type", expected)
    if isinstance(value, int):
        count: int | None = value
    else:
        match = _TEXT.fullmatch(value if isinstance(value, str) else repr(value))
        if match is None:
            raise field.refuse("not a number", expected)
        count = _whole(match)
    if count is None:
        raise field.refuse("not a whole number", expected)
    if not low <= count <= high:
        raise field.refuse("out of range", expected)
    return count


def _whole(match: re.Match[str]) -> int | None:
    """Return the matched quantity exactly, None when it has a fraction."""
    part = match["part"] or match["only"] or ""
    suffix = match["suffix"] or ""
    number: int = int((match["whole"] or "") + part) * 1024 ** _BINARY.get(suffix, 0)
    if match["sign"] == "-":
        number = -number
    scale = int(match["exponent"] or 0) + _DECIMAL.get(suffix, 0) - len(part)
    power: int = 10 ** abs(scale)
    if scale >= 0:
        return number * power
    count, rest = divmod(number, power)
    return None if rest else count
