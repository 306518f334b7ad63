# SPDX-License-Identifier: Apache-2.0
import grpc
import pytest

from sidecar import errors
from sidecar.process.grpc_status import CODES, MAX_DETAILS, status_code, status_details
from sidecar.process.message_sizes import MessageSizeError


def every_class(base: type[errors.PortsideError]) -> set[type[errors.PortsideError]]:
    return {base}.union(*(every_class(kind) for kind in base.__subclasses__()))


def test_every_class_of_error_has_a_code() -> None:
    named = every_class(errors.PortsideError) - {errors.PortsideError}
    assert {kind for kind in named if kind.__module__ == "sidecar.errors"} <= CODES.keys()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.RequestError("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (MessageSizeError("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.CapacityError("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (errors.HostError("x"), grpc.StatusCode.FAILED_PRECONDITION),
        (errors.ApiError("x"), grpc.StatusCode.UNAVAILABLE),
        (errors.InternalError("x"), grpc.StatusCode.INTERNAL),
        (errors.PortsideError("x"), grpc.StatusCode.INTERNAL),
        (KeyError("x"), grpc.StatusCode.INTERNAL),
    ],
)
def test_the_class_decides(error: Exception, code: grpc.StatusCode) -> None:
    assert status_code(error) is code


def test_a_text_says_all_that_the_error_says() -> None:
    error = errors.RequestError("a", where="w", found="f", expected="e", todo="Do.")
    assert status_details(error) == str(error)


def test_a_foreign_exception_s_text_stays_here() -> None:
    try:
        int("hunter2")
    except ValueError as error:
        details = status_details(error)
    assert details.startswith("ValueError at ")
    assert "test_grpc_status.py" in details
    assert "hunter2" not in details


def test_a_long_text_is_cut() -> None:
    details = status_details(errors.RequestError("x" * 5000))
    assert len(details) == MAX_DETAILS
    assert details.endswith("x...")
