# SPDX-License-Identifier: Apache-2.0
"""A real hook process, and a client that calls it as virt-launcher does."""

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import grpc

from sidecar.pb import (
    info_pb2,
    info_pb2_grpc,
    v1alpha1_pb2,
    v1alpha1_pb2_grpc,
    v1alpha2_pb2,
    v1alpha2_pb2_grpc,
    v1alpha3_pb2,
    v1alpha3_pb2_grpc,
)
from sidecar.pb import plugins_v1alpha1_pb2 as plugin
from sidecar.pb import plugins_v1alpha1_pb2_grpc as plugin_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PORTSIDE_HOOK = (sys.executable, "-m", "sidecar.cli", "hook")
CALL_SECONDS = 20.0
START_SECONDS = 30.0
_NUMBERS = itertools.count()


class HookProcess:
    """``portside hook`` on a directory of its own; its log goes to a file."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        container: str = "hook-sidecar-0",
        command: Sequence[str] = PORTSIDE_HOOK,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory
        self.path = directory / f"portside-{container}.sock"
        self._log_path = directory.parent / f"{directory.name}-{next(_NUMBERS)}.log"
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "--socket-dir", str(directory), *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "CONTAINER_NAME": container, **(environment or {})},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def wait_for_socket(self) -> Self:
        """Wait until the socket's name appears."""
        wait_until(lambda: self.path.exists() or self.process.poll() is not None)
        assert self.path.exists(), self.log_text()
        return self

    def wait_for_line(self, event: str) -> dict[str, object]:
        """Wait for the first log line of ``event``."""
        wait_until(lambda: any(line["event"] == event for line in self.complete_lines()))
        return next(line for line in self.complete_lines() if line["event"] == event)

    def log_text(self) -> str:
        return self._log_path.read_text()

    def complete_lines(self) -> list[dict[str, object]]:
        """Return the log's lines so far; every one of them must be JSON."""
        return [json.loads(line) for line in self.log_text().split("\n")[:-1]]

    def end(self, seconds: float) -> int:
        """Return the exit code of a process that ends by itself within ``seconds``."""
        return self.process.wait(timeout=seconds)


def wait_until(condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@contextmanager
def dial(path: Path) -> "Iterator[grpc.Channel]":
    """Connect anew, as KubeVirt does for every call (``pkg/util/net/grpc``)."""
    options = (("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1))
    with grpc.insecure_channel(f"unix:{path}", options=options) as channel:
        yield channel


def call_info(path: Path) -> info_pb2.InfoResult:
    with dial(path) as channel:
        result: info_pb2.InfoResult = info_pb2_grpc.InfoStub(channel).Info(
            info_pb2.InfoParams(), timeout=1.0
        )
        return result


def define_v1alpha1(path: Path, domain: bytes, vmi: bytes) -> bytes:
    with dial(path) as channel:
        result: v1alpha1_pb2.OnDefineDomainResult = v1alpha1_pb2_grpc.CallbacksStub(
            channel
        ).OnDefineDomain(
            v1alpha1_pb2.OnDefineDomainParams(domainXML=domain, vmi=vmi), timeout=CALL_SECONDS
        )
        return result.domainXML


def define_v1alpha2(path: Path, domain: bytes, vmi: bytes) -> bytes:
    with dial(path) as channel:
        result: v1alpha2_pb2.OnDefineDomainResult = v1alpha2_pb2_grpc.CallbacksStub(
            channel
        ).OnDefineDomain(
            v1alpha2_pb2.OnDefineDomainParams(domainXML=domain, vmi=vmi), timeout=CALL_SECONDS
        )
        return result.domainXML


def define_v1alpha3(path: Path, domain: bytes, vmi: bytes) -> bytes:
    with dial(path) as channel:
        result: v1alpha3_pb2.OnDefineDomainResult = v1alpha3_pb2_grpc.CallbacksStub(
            channel
        ).OnDefineDomain(
            v1alpha3_pb2.OnDefineDomainParams(domainXML=domain, vmi=vmi), timeout=CALL_SECONDS
        )
        return result.domainXML


def mutate_by_plugin(
    path: Path, domain: bytes, vmi: bytes, context: str = "Boot", domain_type: str = "libvirt"
) -> bytes:
    request = plugin.MutateDomainRequest(
        domain_type=domain_type,
        domain=domain,
        vmi=vmi,
        sidecar_context=plugin.SidecarContext(invocation_context=context),
    )
    with dial(path) as channel:
        stub = plugin_grpc.DomainHookServiceStub(channel)
        result: plugin.MutateDomainResponse = stub.MutateDomain(request, timeout=CALL_SECONDS)
        return result.domain


def shut_down(path: Path) -> None:
    with dial(path) as channel:
        stub = v1alpha3_pb2_grpc.CallbacksStub(channel)
        stub.Shutdown(v1alpha3_pb2.ShutdownParams(), timeout=CALL_SECONDS)


CALLS: dict[str, Callable[[Path, bytes, bytes], bytes]] = {
    "v1alpha1 OnDefineDomain": define_v1alpha1,
    "v1alpha2 OnDefineDomain": define_v1alpha2,
    "v1alpha3 OnDefineDomain": define_v1alpha3,
    "plugin MutateDomain Boot": mutate_by_plugin,
}
