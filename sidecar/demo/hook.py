# SPDX-License-Identifier: Apache-2.0
"""A real ``portside hook`` process on a private socket, and the calls to it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

import grpc
from google.protobuf.message import Message

from sidecar.errors import HostError
from sidecar.pb import info_pb2, v1alpha3_pb2

Answer = TypeVar("Answer", bound=Message)
CALL_SECONDS = 60.0
"""virt-launcher's deadline for OnDefineDomain."""
INFO_SECONDS = 1.0
"""virt-launcher's deadline for Info."""
START_SECONDS = 20.0
LOOK_SECONDS = 0.01
"""virt-launcher looks every 0.3 s; nobody watches virt-launcher."""


class RunningHook:
    """A hook that answers; each call dials the socket anew, as virt-launcher does."""

    def __init__(self, socket: Path, process: "subprocess.Popen[bytes]") -> None:
        """Take over a socket that was seen."""
        self._target = f"unix://{socket}"
        self._process = process

    def info(self) -> tuple[str, ...]:
        """Return the versions of Callbacks that the hook offers.

        Raises:
            HostError: no answer within virt-launcher's second.
        """
        answer = self._call(
            "info.Info/Info", info_pb2.InfoParams(), info_pb2.InfoResult, INFO_SECONDS
        )
        return tuple(answer.versions)

    def on_define_domain(self, vmi: bytes, domain: bytes) -> bytes:
        """Call OnDefineDomain.

        Raises:
            HostError: the hook refused; ``found`` is its message.
        """
        params = v1alpha3_pb2.OnDefineDomainParams(domainXML=domain, vmi=vmi)
        result = v1alpha3_pb2.OnDefineDomainResult
        return self._call(
            "v1alpha3.Callbacks/OnDefineDomain", params, result, CALL_SECONDS
        ).domainXML

    def shutdown(self) -> None:
        """Call Shutdown, and see the process end."""
        params, result = v1alpha3_pb2.ShutdownParams(), v1alpha3_pb2.ShutdownResult
        self._call("v1alpha3.Callbacks/Shutdown", params, result, INFO_SECONDS)
        try:
            self._process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise HostError(
                "the hook goes on after Shutdown", found=f"{START_SECONDS:g} s later"
            ) from error

    def _call(self, method: str, request: Message, result: type[Answer], seconds: float) -> Answer:
        with grpc.insecure_channel(self._target) as channel:
            call = channel.unary_unary(
                f"/kubevirt.hooks.{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=result.FromString,
            )
            try:
                answer: Answer = call(request, timeout=seconds)
            except grpc.RpcError as error:
                raise HostError(
                    f"the hook refused {method.rpartition('/')[2]}",
                    found=f"{error.code().name}: {error.details()}",
                ) from error
        return answer


@contextmanager
def start_hook(directory: Path) -> Iterator[RunningHook]:
    """Start a hook in ``directory``, wait for its socket, and end it at the end of the block.

    Raises:
        HostError: it ended, or showed no socket in time.
    """
    sockets = directory / "sockets"
    sockets.mkdir()
    command = [sys.executable, "-m", "sidecar.cli", "hook", "--socket-dir", str(sockets)]
    with (directory / "hook.log").open("w+b") as log:
        process = subprocess.Popen(command, stderr=log)  # noqa: S603 -- our own command
        try:
            yield RunningHook(_wait_for_socket(sockets, process, log), process)
        finally:
            process.terminate()
            process.wait()


def _wait_for_socket(folder: Path, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> Path:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for path in folder.iterdir():
            if path.is_socket():
                return path
        time.sleep(LOOK_SECONDS)
    log.seek(0)
    raise HostError(
        "the hook shows no socket",
        where=str(folder),
        found=log.read().decode(errors="replace").strip()[-500:] or "no word from it",
    )
