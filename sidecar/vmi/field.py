# SPDX-License-Identifier: Apache-2.0
"""A JSON value that knows where it stands, and typed access to it."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sidecar.errors import RequestError
from sidecar.vmi.path import ROOT, element, member

T = TypeVar("T")

_MAX_FOUND = 80
_MAX_LISTED = 12


@dataclass(frozen=True, slots=True)
class Field:
    """A value of a JSON document.

    ``source`` names the document (``VMI``, ``annotation portside.io/vfs``), ``path``
    the value in it; an empty path is a document that is one plain text. Every method
    but ``get`` raises RequestError when the value is not of the type that it returns.
    """

    source: str
    value: object
    path: str = ROOT

    @property
    def where(self) -> str:
        """The place as errors name it: ``annotation portside.io/vfs, at $[0].vlan.id``."""
        return f"{self.source}, at {self.path}" if self.path else self.source

    def refuse(self, what: str, expected: str, todo: str = "") -> RequestError:
        """Return the error that this value is not what was expected."""
        return RequestError(
            what, where=self.where, found=describe(self.value), expected=expected, todo=todo
        )

    def text(self) -> str:
        """Return the value, a string."""
        if not isinstance(self.value, str):
            raise self.refuse("wrong type", "a string")
        return self.value

    def integer(self) -> int:
        """Return the value, an integer and no boolean."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            raise self.refuse("wrong type", "an integer")
        return self.value

    def boolean(self) -> bool:
        """Return the value, true or false."""
        if not isinstance(self.value, bool):
            raise self.refuse("wrong type", "true or false")
        return self.value

    def elements(self) -> list["Field"]:
        """Return the elements of the value, a list."""
        if not isinstance(self.value, list):
            raise self.refuse("wrong type", "a list")
        return [
            Field(self.source, value, element(self.path, index))
            for index, value in enumerate(self.value)
        ]

    def members(self, known: Iterable[str] | None = None) -> dict[str, "Field"]:
        """Return the members of the value, an object.

        Args:
            known: the keys that the object may have; others are refused. None: any.
        """
        if not isinstance(self.value, dict):
            raise self.refuse("wrong type", "an object")
        fields = {
            key: Field(self.source, value, member(self.path, key))
            for key, value in self.value.items()
        }
        if known is not None:
            allowed = sorted(known)
            for key, field in fields.items():
                if key not in allowed:
                    raise RequestError(
                        "unknown key",
                        where=field.where,
                        found=describe(key),
                        expected=f"one of {', '.join(allowed)}",
                    )
        return fields

    def get(self, *keys: str) -> "Field | None":
        """Follow ``keys`` down through objects; None where a value is absent or null.

        Raises:
            RequestError: a value on the way is neither an object, absent nor null.
        """
        value = self.value
        for depth, key in enumerate(keys):
            if not isinstance(value, dict):
                raise self._below(keys[:depth], value).refuse("wrong type", "an object")
            value = value.get(key)
            if value is None:
                return None
        return self._below(keys, value)

    def _below(self, keys: Iterable[str], value: object) -> "Field":
        """Return a value further down; its path is not looked at until it is there."""
        path = self.path
        for key in keys:
            path = member(path, key)
        return Field(self.source, value, path)

    def parse(self, parser: Callable[[str], T]) -> T:
        """Return what ``parser`` makes of the value, a string; its errors name this place."""
        text = self.text()
        try:
            return parser(text)
        except RequestError as error:
            raise self.locate(error) from error

    def locate(self, error: RequestError) -> RequestError:
        """Return the error of a value's constructor, with this place."""
        return RequestError(
            error.what,
            where=self.where,
            found=error.found,
            expected=error.expected,
            todo=error.todo,
        )


def describe(value: object) -> str:
    """Return a value for the ``found`` part of an error: short, ASCII, as JSON writes it."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    # Cut first: a text may be megabytes; what is cut off here is too long with its quotes, too.
    text = json.dumps(value[:_MAX_FOUND] if isinstance(value, str) else value)
    return text if len(text) <= _MAX_FOUND else f"{text[: _MAX_FOUND - 3]}..."


def enumerate_names(names: Iterable[str]) -> str:
    """Return names for an error, the first dozen of them; ``none`` when there are none."""
    shown = [describe(name) for name in names]
    if len(shown) > _MAX_LISTED:
        shown = [*shown[:_MAX_LISTED], f"{len(shown) - _MAX_LISTED} more"]
    return ", ".join(shown) or "none"
