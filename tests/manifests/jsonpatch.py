# SPDX-License-Identifier: Apache-2.0
"""JSON patch (RFC 6902), the operations that our manifests use: add, replace, remove, test."""

from collections.abc import Iterable, Mapping
from typing import Any

Operation = Mapping[str, Any]


class PatchError(Exception):
    """An operation does not apply."""


def apply_patch(document: dict[str, Any], operations: Iterable[Operation]) -> dict[str, Any]:
    """Apply the operations to the document, in place, and return it.

    Raises:
        PatchError: a path that is not there, a test that fails, another operation.
    """
    for operation in operations:
        *parents, key = map(_unescape, operation["path"].split("/")[1:])
        target: object = document
        for part in parents:
            target = _member(target, part)
        if isinstance(target, list):
            _apply_to_list(target, key, operation)
        elif isinstance(target, dict):
            _apply_to_object(target, key, operation)
        else:
            raise PatchError(f"{operation['path']} leads through a scalar")
    return document


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _member(target: object, part: str) -> object:
    if isinstance(target, dict) and part in target:
        return target[part]
    if isinstance(target, list) and part.isdecimal() and int(part) < len(target):
        return target[int(part)]
    raise PatchError(f"there is no {part}")


def _apply_to_list(target: list[object], key: str, operation: Operation) -> None:
    if (operation["op"], key) == ("add", "-"):
        target.append(operation["value"])
        return
    place = int(key) if key.isdecimal() else len(target)
    match operation["op"]:
        case "replace" if place < len(target):
            target[place] = operation["value"]
        case "test" if place < len(target) and target[place] == operation["value"]:
            pass
        case name:
            raise PatchError(f"operation {name} at {operation['path']}")


def _apply_to_object(target: dict[str, object], key: str, operation: Operation) -> None:
    match operation["op"]:
        case "add":
            target[key] = operation["value"]
        case "replace" if key in target:
            target[key] = operation["value"]
        case "remove" if key in target:
            del target[key]
        case "test" if target.get(key) == operation["value"]:
            pass
        case name:
            raise PatchError(f"operation {name} at {operation['path']}")
