# SPDX-License-Identifier: Apache-2.0
"""``/metrics``, ``/healthz`` and ``/readyz`` over HTTP, on an address or on a unix socket."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from sidecar.errors import HostError

_TEXT: Final = "text/plain; charset=utf-8"
_SECONDS: Final = 10.0
"""How long a client may take with its request."""
_UNIX: Final = "unix:"
_PORTS: Final = 65535


@dataclass(frozen=True, slots=True)
class Pages:
    """What is served; ``healthy`` and ``ready`` return what is wrong, empty if nothing."""

    registry: CollectorRegistry
    healthy: Callable[[], str]
    ready: Callable[[], str]


def parse_address(text: str) -> tuple[str, int] | Path:
    """Read ``127.0.0.1:9494``, ``[::1]:9494`` or ``unix:/run/x.sock``.

    Raises:
        ValueError: it is none of these.
    """
    if text.startswith(_UNIX):
        path = Path(text.removeprefix(_UNIX))
        if not path.is_absolute():
            raise ValueError("unix: takes an absolute path")
        return path
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > _PORTS:
        raise ValueError("expected ADDRESS:PORT or unix:PATH")
    return host, int(port)


def _format(address: tuple[str, int] | Path) -> str:
    return f"{_UNIX}{address}" if isinstance(address, Path) else f"{address[0]}:{address[1]}"


class WebServer:
    """Answers until ``stop``; each request in a thread, so that a slow one delays nobody.

    Args:
        address: see ``parse_address``; port 0 takes any.
        pages: what is served.

    Raises:
        HostError: the address cannot be had.
    """

    def __init__(self, address: tuple[str, int] | Path, pages: Pages) -> None:
        self._path = address if isinstance(address, Path) else None
        try:
            if isinstance(address, Path):
                _remove_socket(address)
                self._server: ThreadingHTTPServer = _UnixServer(str(address), _handler(pages))
            else:
                self._server = _Server(address, _handler(pages))
        except OSError as error:
            raise HostError(
                "metrics cannot be served",
                where=_format(address),
                found=f"{error.strerror} ({errno.errorcode.get(error.errno or 0, 'no errno')})",
                todo="Choose another --metrics-address",
            ) from error

    @property
    def address(self) -> str:
        """Return where it listens."""
        if self._path is not None:
            return f"{_UNIX}{self._path}"
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def start(self) -> None:
        """Answer from now on."""
        Thread(target=self._server.serve_forever, name="web", daemon=True).start()

    def stop(self) -> None:
        """Listen no more; what is being answered is left to its end or to that of the process."""
        self._server.shutdown()
        self._server.server_close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without asking DNS for the name of the address, which HTTPServer does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()


class _UnixServer(ThreadingHTTPServer):
    address_family = socket.AF_UNIX
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(path, handler)  # type: ignore[arg-type] # typeshed knows IP only

    def server_bind(self) -> None:
        """Bind; a path has neither host nor port."""
        self.socket.bind(self.server_address)

    def get_request(self) -> tuple[Any, Any]:
        """Accept; a client on a unix socket has no address, which the handler expects."""
        connection, _ = self.socket.accept()
        return connection, ("unix", 0)


def _handler(pages: Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SECONDS
        server_version = "portside"
        sys_version = ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                encode, kind = choose_encoder(self.headers.get("Accept", ""))
                self._answer(HTTPStatus.OK, kind, encode(pages.registry))
            elif path in ("/healthz", "/readyz"):
                wrong = pages.healthy() if path == "/healthz" else pages.ready()
                status = HTTPStatus.SERVICE_UNAVAILABLE if wrong else HTTPStatus.OK
                self._answer(status, _TEXT, f"{wrong or 'ok'}\n".encode())
            else:
                self._answer(HTTPStatus.NOT_FOUND, _TEXT, b"/metrics, /healthz or /readyz\n")

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            with contextlib.suppress(ConnectionError):  # the client did not wait
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: probes come every few seconds."""

    return Handler


def _remove_socket(path: Path) -> None:
    """Remove the socket that an earlier run left; what is no socket stays and fails the bind."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            path.unlink()
