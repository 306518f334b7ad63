# SPDX-License-Identifier: Apache-2.0
import http.client
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from sidecar.agent.counters import Tally
from sidecar.errors import CapacityError, HostError
from sidecar.process.web import Pages, WebServer, parse_address


@contextmanager
def serving(address: tuple[str, int] | Path, wrong: str = "") -> Iterator[WebServer]:
    registry = CollectorRegistry()
    Gauge("answer", "To all.", registry=registry).set(42)
    server = WebServer(address, Pages(registry, lambda: "", lambda: wrong))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def get(server: WebServer, path: str) -> tuple[int, str]:
    host, _, port = server.address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_metrics_and_health() -> None:
    with serving(("127.0.0.1", 0), wrong="sysfs is gone") as server:
        status, text = get(server, "/metrics")
        assert status == 200
        assert "answer 42.0" in text
        assert get(server, "/healthz") == (200, "ok\n")
        assert get(server, "/readyz?verbose") == (503, "sysfs is gone\n")
        assert get(server, "/")[0] == 404


def test_a_client_that_says_nothing_delays_nobody() -> None:
    with serving(("127.0.0.1", 0)) as server:
        host, _, port = server.address.rpartition(":")
        with socket.create_connection((host, int(port))):
            assert get(server, "/healthz") == (200, "ok\n")


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ps-") as folder:
        yield Path(folder) / "m.sock"


def test_a_unix_socket_serves_replaces_a_stale_one_and_goes(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    with serving(path), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert client.makefile("rb").read().endswith(b"\r\n\r\nok\n")
    assert not path.exists()


def test_a_file_that_is_no_socket_stays(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(HostError, match="EADDRINUSE"):
        WebServer(path, Pages(CollectorRegistry(), str, str))
    assert path.read_text() == "mine"


def test_an_address_that_is_taken_is_said() -> None:
    with serving(("127.0.0.1", 0)) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(HostError, match=f"127.0.0.1:{port}.*EADDRINUSE"):
            WebServer(("127.0.0.1", port), Pages(CollectorRegistry(), str, str))


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9494", ("127.0.0.1", 9494)),
        ("[::1]:0", ("::1", 0)),
        ("unix:/run/x.sock", Path("/run/x.sock")),
    ],
)
def test_addresses(text: str, address: object) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["", "9494", ":9494", "1.2.3.4", "a:b", "a:70000", "unix:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected|unix"):
        parse_address(text)


def test_operations_are_timed_and_refusals_counted_by_class() -> None:
    registry = CollectorRegistry()
    tally = Tally(registry)
    for error in (CapacityError("none left"), KeyError("a bug")):
        with pytest.raises(type(error)), tally.operation("PreVMStart"):
            raise error
    with tally.operation("PreVMStart"):
        pass
    labels = {"operation": "PreVMStart"}
    assert registry.get_sample_value("portside_operation_seconds_count", labels) == 3
    for kind in ("CapacityError", "InternalError"):
        counted = registry.get_sample_value("portside_refusals_total", {**labels, "class": kind})
        assert counted == 1
