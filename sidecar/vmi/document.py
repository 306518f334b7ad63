# SPDX-License-Identifier: Apache-2.0
"""JSON text to values, within bounds.

Stricter than ``json.loads`` where leniency would hide a mistake: a key that a person wrote
twice, ``NaN`` and ``Infinity`` are refused, and so is whatever could take unbounded
time, memory or stack. No error quotes the text: a VMI carries cloud-init secrets.
"""

import json
from dataclasses import dataclass
from typing import Any

from sidecar.errors import RequestError
from sidecar.vmi.path import MAX_PATH, MAX_SHOWN, ROOT, element, member

MAX_BYTES = 16 * 1024 * 1024
"""Largest document; etcd stores objects of 1.5 MiB, gRPC carries 4 MiB by default."""
MAX_DEPTH = 64
"""Deepest nesting of objects and lists; a VMI's affinity rules reach about 12."""
MAX_VALUES = 100_000
"""Most values. A value takes up to 230 bytes here, and the hook has 64 MB; VMIs have under 5000."""


class _Repeated(dict[str, object]):
    """Stands in the tree for an object in which ``key`` stands twice."""

    __slots__ = ("key",)
    key: str


class _NotJsonError(ValueError):
    """A constant that Python's parser accepts and JSON lacks."""


class _RepeatedKeyError(ValueError):
    """An object in which a key stands twice."""


_REPEATED = "a key stands twice"


def _strict(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedKeyError
    return members


def _marking(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    seen: set[str] = set()
    repeated = _Repeated()
    for key, _ in pairs:
        if key in seen:
            repeated.key = key
            break
        seen.add(key)
    return repeated


def _constant(name: str) -> object:
    raise _NotJsonError(name)


_PLAIN = json.JSONDecoder(parse_constant=_constant)
_STRICT = json.JSONDecoder(object_pairs_hook=_strict, parse_constant=_constant)
# Only to tell where a key stands twice.
_MARKING = json.JSONDecoder(object_pairs_hook=_marking, parse_constant=_constant)


def load_bytes(data: bytes, where: str) -> object:
    """Read a JSON document that a program wrote, in UTF-8 without byte order mark.

    Of a key that stands twice the last value counts, as for the program that wrote it.

    Args:
        data: the document.
        where: what the document is, for errors.

    Raises:
        RequestError: not UTF-8, not JSON, or beyond the bounds.
    """
    if len(data) > MAX_BYTES:
        raise _oversized(where, f"{len(data)} bytes", f"at most {MAX_BYTES} bytes")
    text = None
    reason = ""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}"
    # Raised out here and not chained: a UnicodeDecodeError carries the whole document.
    if text is None:
        raise RequestError("the text is not UTF-8", where=where, found=reason)
    return _load(_PLAIN, text, where)


def load_text(text: str, where: str) -> object:
    """Read a JSON document that a person wrote.

    The values are those of ``json.loads``: dict, list, str, int, float, bool, None.

    Raises:
        RequestError: not JSON, a key twice, or beyond the bounds.
    """
    return _load(_STRICT, text, where)


def _load(decoder: json.JSONDecoder, text: str, where: str) -> object:
    if len(text) > MAX_BYTES:
        raise _oversized(where, f"{len(text)} characters", f"at most {MAX_BYTES}")
    # Counts inside of strings too, and so never too low.
    values = 1 + text.count(",") + text.count("{") + text.count("[")
    if values > MAX_VALUES:
        raise _oversized(where, f"about {values} values", f"at most {MAX_VALUES}")
    value, reason = _decode(decoder, text)
    if reason == _REPEATED:
        value, reason = _decode(_MARKING, text)
        _check_tree(value, where)
    # Raised out here and not chained: a JSONDecodeError carries the whole document.
    if reason:
        raise RequestError("the text is not valid JSON", where=where, found=reason, expected="JSON")
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _check_tree(value, where)
    return value


def _decode(decoder: json.JSONDecoder, text: str) -> tuple[Any, str]:
    """Return the value, or why there is none in words that do not quote the text."""
    try:
        return decoder.decode(text), ""
    except _RepeatedKeyError:
        return None, _REPEATED
    except json.JSONDecodeError as error:
        # The message of a bad escape quotes the character; the position says enough.
        message = error.msg.partition(": ")[0].removesuffix(" at")
        return None, f"{message} at line {error.lineno} column {error.colno}"
    except _NotJsonError as error:
        return None, f"the number {error}"
    except ValueError:
        return None, "an integer of more digits than Python converts"
    except RecursionError:
        return None, f"nesting far deeper than {MAX_DEPTH}"


def _check_tree(root: object, where: str) -> None:
    """Refuse what is nested too deep and objects in which a key stands twice."""
    level = [root] if isinstance(root, dict | list) else []
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise _oversized(where, f"nesting deeper than {MAX_DEPTH}", f"at most {MAX_DEPTH}")
        below: list[dict[str, object] | list[object]] = []
        for container in level:
            if type(container) is _Repeated:
                raise RequestError(
                    "a key stands twice in one object",
                    where=f"{where}, at {_path_to(root, container)}",
                    found=json.dumps(container.key[:MAX_SHOWN]),
                    expected="each key once",
                )
            children = container.values() if isinstance(container, dict) else container
            below += [child for child in children if isinstance(child, dict | list)]
        level = below


@dataclass(frozen=True, slots=True)
class _Step:
    """A node of the tree, and how to get back from it to the root."""

    value: object
    key: str | int = ""
    parent: "_Step | None" = None


def _path_to(root: object, target: object) -> str:
    """Find the path of an object in the tree; depth is known to be bounded."""
    pending = [_Step(root)]
    while pending:
        step = pending.pop()
        if step.value is target:
            break
        if isinstance(step.value, dict):
            pending += [_Step(child, key, step) for key, child in step.value.items()]
        elif isinstance(step.value, list):
            pending += [_Step(child, index, step) for index, child in enumerate(step.value)]
    keys: list[str | int] = []
    while step.parent is not None:
        keys.append(step.key)
        step = step.parent
    path = ROOT
    for key in reversed(keys):
        path = element(path, key) if isinstance(key, int) else member(path, key)
    return path if len(path) <= MAX_PATH else f"{path[: MAX_PATH - 3]}..."


def _oversized(where: str, found: str, expected: str) -> RequestError:
    return RequestError("the document is too large", where=where, found=found, expected=expected)
