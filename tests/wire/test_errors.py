# SPDX-License-Identifier: Apache-2.0
"""What a caller reads when a call fails."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import grpc
import pytest

from tests.wire.hookprocess import CALLS, HookProcess, call_info, define_v1alpha3
from tests.wire.recordings import CALLS as RECORDED
from tests.wire.recordings import asking, domain_of, vmi_of

DOMAIN, VMI = domain_of(RECORDED[0]), vmi_of(RECORDED[0])
RESERVING = asking(VMI, interfaces=8)


def troubled(trouble: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.wire.troubled_hook", trouble)


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details() or ""


@pytest.mark.parametrize(
    ("trouble", "code", "details"),
    [
        ("RequestError", grpc.StatusCode.INVALID_ARGUMENT, "test: the source is in trouble"),
        ("CapacityError", grpc.StatusCode.RESOURCE_EXHAUSTED, "test: the source is in trouble"),
        ("HostError", grpc.StatusCode.FAILED_PRECONDITION, "test: the source is in trouble"),
        ("ApiError", grpc.StatusCode.UNAVAILABLE, "test: the source is in trouble"),
        (
            "InternalError",
            grpc.StatusCode.INTERNAL,
            "test: the source is in trouble (a bug in Portside: please report it)",
        ),
    ],
)
def test_each_class_has_its_code_on_every_service(
    socket_dir: Path, trouble: str, code: grpc.StatusCode, details: str
) -> None:
    with HookProcess(socket_dir, command=troubled(trouble)) as hook:
        path = hook.wait_for_socket().path
        for service, call in CALLS.items():
            assert refusal(partial(call, path, DOMAIN, RESERVING)) == (code, details)
            line = hook.wait_for_line(service)
            assert (line["outcome"], line["code"]) == ("refused", code.name)
            assert line["error"] == details
        assert define_v1alpha3(path, DOMAIN, VMI) == DOMAIN


def test_an_unexpected_exception_is_our_bug_and_quotes_nothing(socket_dir: Path) -> None:
    with HookProcess(socket_dir, command=troubled("ZeroDivisionError")) as hook:
        path = hook.wait_for_socket().path
        code, details = refusal(lambda: define_v1alpha3(path, DOMAIN, RESERVING))
        assert code is grpc.StatusCode.INTERNAL
        assert details.startswith("ZeroDivisionError at ")
        assert details.endswith("in lay_out (a bug in Portside: please report it)")
        line = hook.wait_for_line("v1alpha3 OnDefineDomain")
        assert "in define_domain" in str(line["traceback"])
        assert "secret-in" not in hook.log_text()
        assert call_info(path).name == "portside"


def test_a_slow_call_delays_neither_info_nor_the_end(socket_dir: Path) -> None:
    # 0.6 s of it are the hook's own patience; a busy machine only ever adds, so the best counts.
    for _ in range(5):
        if end_during_a_slow_call(socket_dir) < 1.0:
            return
    pytest.fail("the hook took a second or more to end, five times")


def end_during_a_slow_call(socket_dir: Path) -> float:
    """Return the seconds from SIGTERM to the end of a hook whose source is slow."""
    with HookProcess(socket_dir, command=troubled("slow")) as hook, ThreadPoolExecutor(1) as pool:
        path = hook.wait_for_socket().path
        call = pool.submit(refusal, lambda: define_v1alpha3(path, DOMAIN, RESERVING))
        hook.wait_for_line("waiting")
        assert call_info(path).name == "portside"
        started = time.monotonic()
        hook.process.terminate()
        assert hook.end(5) == 0
        took = time.monotonic() - started
        assert call.result(5)[0] in {grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE}
        assert hook.wait_for_line("stopped")["drained"] is False
    assert list(socket_dir.iterdir()) == []
    return took


def test_a_call_that_waits_for_a_source_that_never_opens_is_told(socket_dir: Path) -> None:
    with HookProcess(socket_dir, command=troubled("late")) as hook:
        path = hook.wait_for_socket().path
        assert call_info(path).name == "portside"
        code, details = refusal(partial(define_v1alpha3, path, DOMAIN, VMI))
        assert (code, details) == (
            grpc.StatusCode.FAILED_PRECONDITION,
            "test: the source does not open",
        )
        assert hook.end(5) == 1
    assert list(socket_dir.iterdir()) == []


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize(
    ("domain", "vmi", "part"),
    [
        (b"", VMI, "the call has no domain XML"),
        (DOMAIN, b"", "VMI"),
        (DOMAIN, b"[]", "VMI"),
        (DOMAIN, VMI[:-20], "VMI"),
        (DOMAIN, asking(VMI, interfaces="many"), "portside.io/interfaces"),
        (DOMAIN, asking(VMI, teaming={"a": "b"}), "portside.io/teaming"),
        (DOMAIN[:-20], RESERVING, "domain"),
        (b"<network/>", RESERVING, "domain"),
    ],
    ids=[
        "no-domain",
        "no-vmi",
        "list-vmi",
        "cut-vmi",
        "word",
        "unknown-network",
        "cut-domain",
        "network",
    ],
)
def test_an_impossible_request_names_what_is_wrong(
    shared_hook: HookProcess, service: str, domain: bytes, vmi: bytes, part: str
) -> None:
    code, details = refusal(lambda: CALLS[service](shared_hook.path, domain, vmi))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert part in details
