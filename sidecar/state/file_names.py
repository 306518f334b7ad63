# SPDX-License-Identifier: Apache-2.0
"""A pool's name as a file's: readable, without tricks, and never two names for one file."""

import hashlib

from sidecar.errors import RequestError, shorten

_MAX_BYTES = 200
"""Well below the 255 of Linux file systems (NAME_MAX)."""
_HEAD_BYTES = 120


def pool_file(name: str) -> str:
    """Return the name of a pool's file.

    What is not printable, ``/``, ``%`` and a dot in front are written ``%XX``, byte by byte;
    a name that is too long ends in ``%~`` and a digest, which no other name can.

    Raises:
        RequestError: the name is empty, or no text (a lone surrogate).
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise RequestError("a pool's name is not Unicode text", found=shorten(name)) from error
    if not name:
        raise RequestError("a pool without a name")
    escaped = "".join(
        _escape(char) if char in "/%" or not char.isprintable() else char for char in name
    )
    if escaped.startswith("."):
        escaped = _escape(".") + escaped[1:]
    if len(escaped.encode()) > _MAX_BYTES:
        head = escaped.encode()[:_HEAD_BYTES].decode(errors="ignore")
        escaped = f"{head}%~{hashlib.sha256(name.encode()).hexdigest()}"
    return f"{escaped}.json"


def _escape(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())
