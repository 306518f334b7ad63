# SPDX-License-Identifier: Apache-2.0
"""Errors, classed by who must act.

Every error says what failed, on which object (``where``), what was found, what
was expected and what to do; a part that does not apply stays empty. The text
reaches users unchanged: KubeVirt shows a hook's error as a ``SyncFailed`` event.
"""

from typing import Self


class PortsideError(Exception):
    """Base of all errors that Portside raises on purpose.

    Args:
        what: what failed, in one clause without a full stop.
        where: the object, e.g. ``annotation portside.io/vfs, at $[0].vlan.id``.
        found: the offending value as it was read, shortened if it is long.
        expected: what would have been accepted.
        todo: what the reader can do about it, without a full stop at its end.
    """

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        found: str = "",
        expected: str = "",
        todo: str = "",
    ) -> None:
        self.what = what
        self.where = where
        self.found = found
        self.expected = expected
        self.todo = todo
        super().__init__(self._render())

    def extended(self, todo: str) -> Self:
        """Add to ``todo`` what whoever caught the error knows of what remains; return the error."""
        self.todo = ". ".join(part for part in (self.todo.rstrip("."), todo) if part)
        self.args = (self._render(),)
        return self

    def _render(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        if self.found:
            text += f"; found {self.found}"
        if self.expected:
            text += f"; expected {self.expected}"
        if self.todo:
            text += f". {self.todo}"
        return text


class RequestError(PortsideError):
    """The VM's owner must act: the VMI or the domain asks for something impossible."""


class CapacityError(PortsideError):
    """There is not enough of something now: wait, or add VFs or ports."""


class HostError(PortsideError):
    """The node's operator must act: a file, a library or a daemon does not do its part."""


class BusyError(PortsideError):
    """Nobody must act: other work of Portside's own is under way; the same call succeeds later."""


class ApiError(PortsideError):
    """A remote API failed in a way that a retry may fix."""


class InternalError(PortsideError):
    """A bug in Portside: an invariant that the code promises did not hold."""


def shorten(value: object, limit: int = 80) -> str:
    """Return ``repr(value)``, cut to ``limit`` characters, for the ``found`` part of an error."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
