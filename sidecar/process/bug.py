# SPDX-License-Identifier: Apache-2.0
"""What may be said about an exception that Portside did not raise on purpose."""

import traceback

from sidecar.errors import PortsideError


def describe_bug(error: BaseException) -> str:
    """Say that it is our bug and where, without the exception's text.

    The text of a foreign exception may quote its input, and a VMI carries secrets; type
    and place tell the developer nearly as much.
    """
    if isinstance(error, PortsideError):
        return f"{error} (a bug in Portside: please report it)"
    return f"{type(error).__name__} at {where(error)} (a bug in Portside: please report it)"


def where(error: BaseException) -> str:
    """Return ``file:line in function`` of the innermost frame."""
    frames = format_traceback(error)
    return frames[-1] if frames else "an unknown place"


def format_traceback(error: BaseException) -> list[str]:
    """Return every frame as ``file:line in function``, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
