# SPDX-License-Identifier: Apache-2.0
"""A real ``portside node`` on a tree of files, and a client that calls it as virt-handler does."""

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from sidecar.pb import plugins_v1alpha1_pb2 as pb
from sidecar.pb import plugins_v1alpha1_pb2_grpc as pb_grpc
from tests.wire.hookprocess import CALL_SECONDS, ROOT, dial, wait_until

NO_LIBVIRT = ("--connect", "none")


def call_node(socket: Path, point: str, vmi: bytes) -> None:
    request = pb.ExecuteNodeHookRequest(
        hookPoint=point, vmi=vmi, node_context=pb.NodeContext(node_name="node-1")
    )
    with dial(socket) as channel:
        pb_grpc.NodeHookServiceStub(channel).ExecuteNodeHook(request, timeout=CALL_SECONDS)


class NodeProcess:
    """``portside node`` in ``folder``, where the tree and the state are; its log goes to a file."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.socket = folder / "node.sock"
        self._log_path = folder / "log"
        command = [sys.executable, "-m", "sidecar.cli", "node", "--socket", str(self.socket)]
        places = {"--sysfs": "sys", "--proc": "proc", "--state-dir": "state"}
        for option, name in places.items():
            command += [option, str(folder / name)]
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*command, "--metrics-address", "127.0.0.1:0", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "NO_COLOR": "1"},
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def wait_until_serving(self) -> Self:
        """Wait for the log line that says so; of this run, should there have been others."""
        wait_until(lambda: self.process.poll() is not None or self._serving() is not None)
        assert self.process.poll() is None, self._log_path.read_text()
        return self

    def lines(self, event: str | None = None) -> list[dict[str, object]]:
        """Return the log's lines so far; every one of them must be JSON."""
        lines = [json.loads(line) for line in self._log_path.read_text().split("\n")[:-1]]
        return [line for line in lines if event in (None, line["event"])]

    def call(self, point: str, vmi: bytes) -> None:
        call_node(self.socket, point, vmi)

    def get(self, path: str) -> tuple[int, str]:
        serving = self._serving()
        assert serving is not None
        host, _, port = str(serving["metrics"]).rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metric(self, name: str, **labels: str) -> float | None:
        """Scrape, and return a sample with at least these labels."""
        status, text = self.get("/metrics")
        assert status == 200
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return float(sample.value)
        return None

    def terminate(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=10)

    def _serving(self) -> dict[str, object] | None:
        lines = [line for line in self.lines("serving") if line["pid"] == self.process.pid]
        return lines[0] if lines else None
