# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from sidecar.errors import RequestError
from sidecar.vmi.field import Field
from sidecar.vmi.quantity import read_count


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        (32, 32),
        (5.0, 5),
        (1e1, 10),
        ("5", 5),
        ("+5", 5),
        ("-0", 0),
        ("5.0", 5),
        ("5.", 5),
        ("05", 5),
        ("1e1", 10),
        ("1E1", 10),
        ("3.2e1", 32),
        ("320e-1", 32),
        ("5000m", 5),
        ("5000000u", 5),
        ("32000000000n", 32),
        ("0.005k", 5),
        (".02k", 20),
        ("0.0078125Ki", 8),
        ("0e999", 0),
        ("0E", 0),
    ],
)
def test_reads_whole_quantities(value: object, count: int) -> None:
    assert read_count(Field("F", value, ""), 0, 32) == count


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (-1, "out of range"),
        (33, "out of range"),
        (10**400, "out of range"),
        ("33", "out of range"),
        ("-1", "out of range"),
        ("2k", "out of range"),
        ("1Ki", "out of range"),
        ("1E", "out of range"),
        ("1e999", "out of range"),
        (1e300, "out of range"),
        (0.5, "not a whole number"),
        ("1.5", "not a whole number"),
        ("-1.5", "not a whole number"),
        ("1m", "not a whole number"),
        ("1e-1", "not a whole number"),
        ("1e-999", "not a whole number"),
        ("31.99999999999999999999999", "not a whole number"),
        ("0.3Ki", "not a whole number"),
        (json.loads("1e999"), "not a number"),
        ("", "not a number"),
        (".", "not a number"),
        ("+", "not a number"),
        ("five", "not a number"),
        (" 5", "not a number"),
        ("5\n", "not a number"),
        ("0x5", "not a number"),
        ("5KB", "not a number"),
        ("5mi", "not a number"),
        ("1e1k", "not a number"),
        ("1e1000", "not a number"),
        ("1_0", "not a number"),
        ("\u0665", "not a number"),
        ("9" * 1000, "not a number"),
        ("NaN", "not a number"),
        (True, "wrong type"),
        (None, "wrong type"),
        ([5], "wrong type"),
        ({"a": 5}, "wrong type"),
    ],
)
def test_refuses_the_rest(value: object, what: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_count(Field("F", value, "$.x"), 0, 32)
    error = caught.value
    assert (error.where, error.what) == ("F, at $.x", what)
    assert error.expected == "a whole number from 0 to 32"
    assert len(str(error)) < 200
