# SPDX-License-Identifier: Apache-2.0
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from sidecar.agent.node_hook_service import NodeCall, NodeHookServer
from sidecar.errors import CapacityError, HostError, PortsideError, RequestError
from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.pb import plugins_v1alpha1_pb2_grpc as pb_grpc


class Handler:
    """Keeps the calls, and fails if told to."""

    def __init__(self) -> None:
        self.calls: list[NodeCall] = []
        self.error: Exception | None = None

    def __call__(self, call: NodeCall) -> None:
        self.calls.append(call)
        if self.error is not None:
            raise self.error


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def path(handler: Handler) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        path = Path(folder) / "n.sock"
        server = NodeHookServer(handler)
        server.start([path])
        yield path
        assert server.stop()


def call(path: Path, point: str) -> None:
    request = pb.ExecuteNodeHookRequest(
        hookPoint=point, vmi=b"{}", node_context=pb.NodeContext(node_name="node-1")
    )
    with grpc.insecure_channel(f"unix:{path}") as channel:
        pb_grpc.NodeHookServiceStub(channel).ExecuteNodeHook(request, timeout=10)


def test_the_call_is_handed_over_as_it_came(path: Path, handler: Handler) -> None:
    call(path, "PreVMStart")
    assert handler.calls == [NodeCall("PreVMStart", b"{}", "node-1")]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestError("x"), grpc.StatusCode.INVALID_ARGUMENT),
        (CapacityError("x"), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (HostError("x"), grpc.StatusCode.FAILED_PRECONDITION),
    ],
)
def test_an_error_has_the_code_of_who_must_act(
    path: Path, handler: Handler, error: PortsideError, code: grpc.StatusCode
) -> None:
    handler.error = error
    with pytest.raises(grpc.RpcError) as caught:
        call(path, "PreVMStart")
    assert caught.value.code() is code
    assert caught.value.details() == "x"


def test_a_bug_shows_no_text_of_the_vmi(path: Path, handler: Handler) -> None:
    handler.error = KeyError("secret")
    with pytest.raises(grpc.RpcError) as caught:
        call(path, "PreVMStart")
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in (caught.value.details() or "")
