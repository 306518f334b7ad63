# SPDX-License-Identifier: Apache-2.0
"""Unary methods as bytes to bytes.

gRPC is given no parser: what it cannot parse it logs with the exception and keeps about
20 kB each time, and it parses before a handler could bound anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

from sidecar.errors import RequestError


class Note(Protocol):
    """Writes a log line that belongs to no domain; never blocks."""

    def __call__(self, event: str, *, level: str = "info", **fields: object) -> None:
        """Write it, now or once there is a log."""


class MalformedMessageError(RequestError):
    """The request is no message of the method's type."""


@dataclass(frozen=True, slots=True)
class Work:
    """A method whose request is read and worked on in a thread.

    Args:
        answer: makes the reply of the request; what it appends to the list is done once
            the caller has the reply, or is gone. Its errors become the call's status.
    """

    answer: Callable[[bytes, list[Callable[[], None]]], bytes]


@dataclass(frozen=True, slots=True)
class Instant:
    """A method whose request says nothing: it is answered without being read.

    Args:
        reply: the answer.
        noted: called when a call came; must not block.
        ended: called once the caller has its answer.
    """

    reply: bytes
    noted: Callable[[], None] | None = None
    ended: Callable[[], None] | None = None


Methods = Mapping[str, Mapping[str, Work | Instant]]
"""By service, by name."""

_Parsed = TypeVar("_Parsed", bound=Message)


def parse(kind: type[_Parsed], data: bytes) -> _Parsed:
    """Read a message.

    Raises:
        MalformedMessageError: ``data`` is none of this type.
    """
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        pass
    else:
        return message
    # Raised out here and not chained: protobuf's error may quote what it read.
    raise MalformedMessageError(
        "the message cannot be read",
        where=kind.DESCRIPTOR.full_name,
        found=f"{len(data)} bytes that are not such a message",
        expected="protobuf",
    )
