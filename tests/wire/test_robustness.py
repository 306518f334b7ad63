# SPDX-License-Identifier: Apache-2.0
"""What a hook must survive."""

import json
import random
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest

from sidecar.pb import v1alpha3_pb2, v1alpha3_pb2_grpc
from sidecar.process.message_sizes import MAX_MESSAGE, MAX_RECEIVED
from tests.wire.hookprocess import CALLS, HookProcess, call_info, define_v1alpha3, dial, wait_until
from tests.wire.recordings import CALLS as RECORDED
from tests.wire.recordings import asking, domain_of, name_of, vmi_of

LAST_CALL = next(call for call in RECORDED if name_of(call) == "bigmem-pass3")
DOMAIN, VMI = domain_of(LAST_CALL), vmi_of(LAST_CALL)


def padded_vmi(size: int) -> bytes:
    document = json.loads(VMI)
    document["metadata"]["annotations"]["padding"] = ""
    document["metadata"]["annotations"]["padding"] = "x" * (size - len(json.dumps(document)))
    return json.dumps(document).encode()


def test_a_hundred_calls_at_once(shared_hook: HookProcess) -> None:
    services = list(CALLS.values())
    totals = [13 + index % 20 for index in range(100)]
    alone = {
        total: define_v1alpha3(shared_hook.path, DOMAIN, asking(VMI, interfaces=total))
        for total in sorted(set(totals))
    }

    def ask(index: int) -> bytes:
        vmi = asking(VMI, interfaces=totals[index])
        return services[index % len(services)](shared_hook.path, DOMAIN, vmi)

    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(ask, range(100)))
    assert answers == [alone[total] for total in totals]
    assert len(set(answers)) == 20


def test_callers_that_vanish_do_no_harm(shared_hook: HookProcess) -> None:
    request = v1alpha3_pb2.OnDefineDomainParams(domainXML=DOMAIN, vmi=asking(VMI, interfaces=32))
    for _ in range(50):
        with dial(shared_hook.path) as channel:
            stub = v1alpha3_pb2_grpc.CallbacksStub(channel)
            stub.OnDefineDomain.future(request, timeout=5)  # leaving closes the channel
    assert call_info(shared_hook.path).name == "portside"
    assert define_v1alpha3(shared_hook.path, DOMAIN, VMI) == DOMAIN


def test_connections_that_break_off_anywhere_do_no_harm(shared_hook: HookProcess) -> None:
    greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
    garbage = random.Random(7)  # noqa: S311 - reproducible garbage, no secret
    for length in (0, 1, 10, 24, 30, 33):
        for tail in (b"", garbage.randbytes(500)):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(shared_hook.path))
                client.sendall(greeting[:length] + tail)
    assert define_v1alpha3(shared_hook.path, DOMAIN, VMI) == DOMAIN


def test_a_message_that_is_no_protobuf_is_an_error(shared_hook: HookProcess) -> None:
    with dial(shared_hook.path) as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/kubevirt.hooks.v1alpha3.Callbacks/OnDefineDomain"
        )
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff\xff\xff", timeout=5)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert define_v1alpha3(shared_hook.path, DOMAIN, VMI) == DOMAIN


@pytest.mark.parametrize("service", CALLS)
def test_a_call_at_the_bound_is_answered(shared_hook: HookProcess, service: str) -> None:
    vmi = padded_vmi(MAX_MESSAGE - len(DOMAIN))
    assert CALLS[service](shared_hook.path, DOMAIN, vmi) == DOMAIN


@pytest.mark.parametrize("service", CALLS)
def test_a_call_above_the_bound_is_refused_with_a_reason(
    shared_hook: HookProcess, service: str
) -> None:
    vmi = padded_vmi(MAX_MESSAGE - len(DOMAIN) + 1)
    with pytest.raises(grpc.RpcError) as caught:
        CALLS[service](shared_hook.path, DOMAIN, vmi)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    details = caught.value.details() or ""
    assert details.startswith("the call is too large; found 4194305 bytes (")
    assert details.endswith("expected at most 4194304 bytes")


def test_a_message_that_would_take_the_memory_is_dropped(shared_hook: HookProcess) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        define_v1alpha3(shared_hook.path, DOMAIN, padded_vmi(MAX_RECEIVED))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in str(caught.value.details())
    assert define_v1alpha3(shared_hook.path, DOMAIN, VMI) == DOMAIN


def test_hundreds_of_calls_leave_no_descriptor_behind(hook: HookProcess) -> None:
    descriptors = f"/proc/{hook.process.pid}/fd"
    define_v1alpha3(hook.path, DOMAIN, VMI)
    before = count_entries(descriptors)
    for _ in range(300):
        define_v1alpha3(hook.path, DOMAIN, VMI)
    wait_until(lambda: count_entries(descriptors) <= before, 5)


def count_entries(directory: str) -> int:
    return len(list(Path(directory).iterdir()))
