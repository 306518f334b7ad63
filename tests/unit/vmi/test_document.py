# SPDX-License-Identifier: Apache-2.0
import contextlib
import json
import time

import pytest

from sidecar.errors import RequestError
from sidecar.vmi.document import MAX_BYTES, MAX_DEPTH, MAX_VALUES, load_bytes, load_text
from sidecar.vmi.path import MAX_PATH


def refusal(data: bytes) -> RequestError:
    """Return why a document is refused, one that a person wrote."""
    with pytest.raises(RequestError) as caught:
        load_text(text_of(data), "DOC")
    return caught.value


def text_of(data: bytes) -> str:
    load_bytes(data, "DOC")
    return data.decode()


def test_of_what_a_program_writes_twice_the_last_counts() -> None:
    assert load_bytes(b'{"a": 1, "a": 2}', "DOC") == {"a": 2}


def nested(depth: int) -> bytes:
    """Return ``depth`` containers in each other, objects and lists by turns."""
    text = b"1"
    for level in range(depth):
        text = b"[" + text + b"]" if level % 2 else b'{"a":' + text + b"}"
    return text


@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b' {"a": [1, -2.5e3, true, false, null, "\\u00e9\\ud83d\\ude00"]}\n',
        '"ü"'.encode(),
        nested(MAX_DEPTH),
        nested(MAX_DEPTH - 1),
        b'{"a": {"x": 1}, "b": {"x": 2}}',
    ],
)
def test_reads_what_json_reads(text: bytes) -> None:
    assert load_bytes(text, "DOC") == json.loads(text)


@pytest.mark.parametrize(
    ("data", "where", "found"),
    [
        (b"", "DOC", "Expecting value at line 1 column 1"),
        (b"{", "DOC", "Expecting property name enclosed in double quotes at line 1 column 2"),
        (b"{}\n x", "DOC", "Extra data at line 2 column 2"),
        (b'"\\q"', "DOC", "Invalid \\escape at line 1 column 2"),
        (b'"a\x01"', "DOC", "Invalid control character at line 1 column 3"),
        (b"\xff", "DOC", "invalid start byte at byte 0"),
        (b"\xef\xbb\xbf{}", "DOC", "Expecting value at line 1 column 1"),
        ('{"a": 1}'.encode("utf-16"), "DOC", "invalid start byte at byte 0"),
        (b'"\xed\xa0\x80"', "DOC", "invalid continuation byte at byte 1"),
        (b'{"a": NaN}', "DOC", "the number NaN"),
        (b"[-Infinity]", "DOC", "the number -Infinity"),
        (b"9" * 5000, "DOC", "an integer of more digits than Python converts"),
        (b'{"a": 1, "a": 1}', "DOC, at $", '"a"'),
        (b'{"x": [0, {"b.c": {"k": 1, "j": 2, "k": 3}}]}', 'DOC, at $.x[1]["b.c"]', '"k"'),
        (b'{"a": {"j": 1, "k": 1, "k": 1}, "b": 1}', "DOC, at $.a", '"k"'),
        (nested(MAX_DEPTH + 1), "DOC", "nesting deeper than 64"),
        (nested(500), "DOC", "nesting deeper than 64"),
        (b"[" * 50_000 + b"]" * 50_000, "DOC", "nesting far deeper than 64"),
        (b'{"a":' * 50_000, "DOC", "nesting far deeper than 64"),
        (b"[" + b"0," * MAX_VALUES + b"0]", "DOC", "about 100002 values"),
        (b" " * (MAX_BYTES + 1), "DOC", "16777217 bytes"),
    ],
)
def test_refuses_at_its_place(data: bytes, where: str, found: str) -> None:
    error = refusal(data)
    assert (error.where, error.found) == (where, found)


def test_bounds_hold_for_text_too() -> None:
    with pytest.raises(RequestError, match="16777217 characters"):
        load_text(" " * (MAX_BYTES + 1), "DOC")


def test_reads_a_document_at_the_bounds() -> None:
    padding = b" " * (MAX_BYTES - 2 * MAX_VALUES + 1)
    values = load_bytes(b"[" + b"0," * (MAX_VALUES - 2) + b"0]" + padding, "DOC")
    assert isinstance(values, list)
    assert len(values) == MAX_VALUES - 1


@pytest.mark.parametrize("data", [b'{"s": "hunter2', b'{"s": "hunter2\xff"}', b'{"s": "hunter2"'])
def test_error_holds_no_part_of_the_document(data: bytes) -> None:
    error = refusal(data)
    # The foreign exceptions keep the document in doc and object: none may be reachable.
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "hunter2" not in f"{error!r} {vars(error)}"


def test_a_deep_path_is_cut() -> None:
    # 60 levels with a long key each, and many brothers: the path of one is 4000 characters.
    deep = b'{"a":1,"a":1}'
    for _ in range(60):
        deep = b'{"%b":%b,"z":[%b]}' % (b"k" * 70, deep, b"0," * 500 + b"0")
    error = refusal(deep)
    assert len(error.where) == len("DOC, at ") + MAX_PATH
    assert error.where.endswith("k...")


@pytest.mark.parametrize(
    "data",
    [
        b"[" * MAX_BYTES,
        b'"' + b"\\u0041" * (MAX_BYTES // 6 - 1) + b'"',
        b"[" + b"1" * 4000 + b",2" * (MAX_VALUES - 10) + b"]",
        b'{"a":1,"b":[' + b'{"a":1,"a":2},' * 20_000 + b"0]}",
    ],
)
def test_time_is_bounded(data: bytes) -> None:
    begin = time.process_time()
    with contextlib.suppress(RequestError):
        load_bytes(data, "DOC")
    assert time.process_time() - begin < 2
