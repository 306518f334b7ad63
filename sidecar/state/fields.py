# SPDX-License-Identifier: Apache-2.0
"""JSON read strictly: every surprise is a ``HostError`` that names file and key."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sidecar.errors import HostError, RequestError, shorten
from sidecar.state.files import MAX_BYTES

FORMAT: Final = 1
"""Version of all records; a newer one is not read, so that nothing of it gets lost."""

_T = TypeVar("_T")


class NewerFormatError(HostError):
    """The record is sound, and of a later Portside."""


class Fields:
    """The members of a JSON object, each to be fetched by its type; ``where`` is file and path."""

    def __init__(self, data: object, where: str, keys: Sequence[str]) -> None:
        """Check that it is an object, and has no other key than these."""
        self.where = where
        if not isinstance(data, dict):
            raise self.damage(data, "an object")
        for key in data:
            if key not in keys:
                raise HostError(
                    "an unknown key in a record",
                    where=f"{where}.{key}",
                    found=shorten(data[key]),
                    expected=f"only {', '.join(keys)}",
                )
        self._data: Mapping[str, object] = data

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def get(self, key: str) -> object:
        """Return a member of any type."""
        if key not in self._data:
            raise HostError("a record lacks a key", where=f"{self.where}.{key}")
        return self._data[key]

    def text(self, key: str) -> str:
        """Return a string."""
        value = self.get(key)
        if not isinstance(value, str):
            raise self.damage(value, "a string", key)
        return value

    def number(self, key: str) -> int:
        """Return an integer that is not negative."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.damage(value, "a whole number from 0", key)
        return value

    def truth(self, key: str) -> bool:
        """Return a boolean."""
        value = self.get(key)
        if not isinstance(value, bool):
            raise self.damage(value, "true or false", key)
        return value

    def parse(self, key: str, parse: Callable[[str], _T]) -> _T:
        """Return what ``parse`` makes of a string (``ValueError`` or ``RequestError``: damage)."""
        text = self.text(key)
        try:
            return parse(text)
        except (ValueError, RequestError) as error:
            raise self.damage(text, str(error), key) from error

    def fields(self, key: str, keys: Sequence[str]) -> "Fields":
        """Return a member that is an object itself."""
        return Fields(self.get(key), f"{self.where}.{key}", keys)

    def build(self, make: Callable[[], _T]) -> _T:
        """Return what ``make`` gives; a value that the model refuses is damage."""
        try:
            return make()
        except RequestError as error:
            raise HostError("an impossible record", where=self.where, found=str(error)) from error

    def damage(self, value: object, expected: str, key: str = "") -> HostError:
        """Return the error for a value that is none of ours."""
        where = f"{self.where}.{key}" if key else self.where
        return HostError("a damaged record", where=where, found=shorten(value), expected=expected)


def load(data: bytes, file: str, keys: Sequence[str]) -> Fields:
    """Read a record's bytes.

    Raises:
        NewerFormatError: of a later version.
        HostError: no JSON, no object, an unknown key, or no version of ours.
    """
    if len(data) > MAX_BYTES:
        raise HostError("a damaged record", where=file, found=f"over {MAX_BYTES} bytes")
    try:
        content: Any = json.loads(data.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise HostError(
            "a damaged record", where=file, found=f"{len(data)} bytes: {error}", expected="JSON"
        ) from error
    version = content.get("format") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT:
        raise NewerFormatError(
            "a record of a newer version of Portside",
            where=f"{file}: $.format",
            found=str(version),
            expected=str(FORMAT),
            todo="Run that version",
        )
    fields = Fields(content, f"{file}: $", ("format", *keys))
    if fields.number("format") != FORMAT:
        raise fields.damage(version, str(FORMAT), "format")
    return fields


def dump(data: Mapping[str, object]) -> bytes:
    """Write a record for people and for ``load``."""
    return (json.dumps({"format": FORMAT, **data}, indent=2, ensure_ascii=False) + "\n").encode()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("duplicate key")
    return data
