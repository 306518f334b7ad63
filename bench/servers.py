# SPDX-License-Identifier: Apache-2.0
"""The two servers that are compared, as processes, and a client like KubeVirt's."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from sidecar.pb import info_pb2, info_pb2_grpc, v1alpha3_pb2, v1alpha3_pb2_grpc

BENCH = Path(__file__).parent
_OPTIONS = (("grpc.default_authority", "localhost"), ("grpc.use_local_subchannel_pool", 1))
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``started`` is the seconds from exec to the answer to Info."""

    pid: int
    path: Path
    started: float

    def define(self, domain: bytes, vmi: bytes) -> bytes:
        """Call OnDefineDomain on a connection of its own, as KubeVirt does."""
        request = v1alpha3_pb2.OnDefineDomainParams(domainXML=domain, vmi=vmi)
        with grpc.insecure_channel(f"unix:{self.path}", options=_OPTIONS) as channel:
            stub = v1alpha3_pb2_grpc.CallbacksStub(channel)
            result: v1alpha3_pb2.OnDefineDomainResult = stub.OnDefineDomain(request, timeout=20)
            return result.domainXML

    def time_define(self, domain: bytes, vmi: bytes) -> float:
        """Return the seconds of one call, connection included."""
        before = time.perf_counter()
        self.define(domain, vmi)
        return time.perf_counter() - before


@contextmanager
def run_portside(directory: Path) -> Iterator[Server]:
    """Run the hook as the image does."""
    command = [sys.executable, "-m", "sidecar.cli", "hook", "--socket-dir", str(directory)]
    with _run(command, directory / "portside-bench.sock") as server:
        yield server


@contextmanager
def run_do_nothing(directory: Path) -> Iterator[Server]:
    """Run the yardstick."""
    path = directory / "nothing.sock"
    with _run([sys.executable, str(BENCH / "do_nothing.py"), str(path)], path) as server:
        yield server


@contextmanager
def _run(command: list[str], path: Path) -> Iterator[Server]:
    environment = {**os.environ, "CONTAINER_NAME": "bench", "PYTHONPATH": str(BENCH.parent)}
    before = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own commands
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for_info(path, before + _START_SECONDS)
        yield Server(process.pid, path, time.perf_counter() - before)
    finally:
        process.terminate()
        process.wait()


def _wait_for_info(path: Path, deadline: float) -> None:
    while not path.exists():
        if time.perf_counter() > deadline:
            raise TimeoutError(f"no socket at {path}")
        time.sleep(0.001)
    with grpc.insecure_channel(f"unix:{path}", options=_OPTIONS) as channel:
        info_pb2_grpc.InfoStub(channel).Info(info_pb2.InfoParams(), timeout=10, wait_for_ready=True)
