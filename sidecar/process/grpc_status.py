# SPDX-License-Identifier: Apache-2.0
"""From an error's class to gRPC's status code."""

from typing import NoReturn

import grpc

from sidecar.errors import (
    ApiError,
    CapacityError,
    HostError,
    InternalError,
    PortsideError,
    RequestError,
)
from sidecar.process.bug import describe_bug
from sidecar.process.message_sizes import MessageSizeError

CODES: dict[type[PortsideError], grpc.StatusCode] = {
    MessageSizeError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    RequestError: grpc.StatusCode.INVALID_ARGUMENT,
    CapacityError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    HostError: grpc.StatusCode.FAILED_PRECONDITION,
    ApiError: grpc.StatusCode.UNAVAILABLE,
    InternalError: grpc.StatusCode.INTERNAL,
}
"""The nearest class of an error decides; a class that is not here is a bug: ``INTERNAL``."""

MAX_DETAILS = 1000
"""Characters of an error's text. gRPC sends it as a header, of which clients take 8 KiB,
and Kubernetes cuts an event's text at 1024 bytes."""


def status_code(error: BaseException) -> grpc.StatusCode:
    """Return the code that tells KubeVirt who must act on ``error``."""
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind]
    return grpc.StatusCode.INTERNAL


def status_details(error: BaseException) -> str:
    """Return the text that reaches the user; never empty."""
    if isinstance(error, PortsideError) and not isinstance(error, InternalError):
        text = str(error)
    else:
        text = describe_bug(error)
    return text if len(text) <= MAX_DETAILS else f"{text[: MAX_DETAILS - 3]}..."


def abort(context: grpc.ServicerContext, error: BaseException) -> NoReturn:
    """End the call with the status of ``error``."""
    context.abort(status_code(error), status_details(error))
    raise AssertionError("gRPC's abort came back")
