# SPDX-License-Identifier: Apache-2.0
"""What a caller can do that no gRPC library would: frames of HTTP/2, written by hand.

Frames and settings: RFC 9113; header fields as literals without Huffman: RFC 7541, 6.2.2.
"""

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from sidecar.pb import v1alpha3_pb2
from tests.wire.recordings import CALLS, asking, domain_of, vmi_of

DEFINE = "/kubevirt.hooks.v1alpha3.Callbacks/OnDefineDomain"
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
MIB = 1 << 20
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
_FRAME_BYTES = 16_384
_WINDOW = 65_535


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = struct.pack(">I", len(payload))[1:] + bytes([kind, flags])
    return head + struct.pack(">I", stream) + payload


def headers(stream: int, method: str = DEFINE) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": method,
        ":authority": "localhost",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    block = b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )
    return frame(_HEADERS, _END_HEADERS, stream, block)


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(10)
    client.connect(str(path))
    return client


def silent(path: Path) -> socket.socket:
    """Connect, and say nothing."""
    return connect(path)


def greeting(path: Path) -> socket.socket:
    """Speak HTTP/2, and call nothing."""
    client = connect(path)
    client.sendall(GREETING + frame(_SETTINGS, 0, 0))
    return client


def half_open(path: Path, streams: int = 1) -> socket.socket:
    """Begin calls, and send no message."""
    client = greeting(path)
    client.sendall(b"".join(headers(1 + 2 * number) for number in range(streams)))
    return client


def half_sent(path: Path) -> socket.socket:
    """Begin a call of 4 MB, and send what the first window holds."""
    client = half_open(path)
    message = struct.pack(">BI", 0, 4_000_000) + bytes(_WINDOW - 5)
    parts = (message[at : at + _FRAME_BYTES] for at in range(0, len(message), _FRAME_BYTES))
    client.sendall(b"".join(frame(_DATA, 0, 1, part) for part in parts))
    return client


def not_taking(path: Path) -> socket.socket:
    """Make a call whose answer is large, and open no window for it."""
    domain = with_metadata(domain_of(CALLS[0]), MIB)
    vmi = asking(vmi_of(CALLS[0]), interfaces=8)
    request = v1alpha3_pb2.OnDefineDomainParams(domainXML=domain, vmi=vmi).SerializeToString()
    message = struct.pack(">BI", 0, len(request)) + request
    client = half_open(path)
    with contextlib.suppress(OSError):  # others may push it out
        _send_within_windows(client, message)
    return client


ATTACKS: dict[str, Callable[[Path], socket.socket]] = {
    "silent": silent,
    "greeting": greeting,
    "half-open": half_open,
    "half-open-100": lambda path: half_open(path, 100),
    "half-sent": half_sent,
}


def with_metadata(domain: bytes, size: int) -> bytes:
    """Return ``domain`` with that many more bytes."""
    padding = b"<metadata>" + b"x" * size + b"</metadata><devices>"
    return domain.replace(b"<devices>", padding, 1)


@contextlib.contextmanager
def attacking(
    path: Path, attack: Callable[[Path], socket.socket], number: int
) -> Iterator[list[socket.socket]]:
    """Hold that many connections open."""
    clients: list[socket.socket] = []
    try:
        for _ in range(number):
            with contextlib.suppress(ConnectionError):  # pushed out while it spoke
                clients.append(attack(path))
        yield clients
    finally:
        for client in clients:
            client.close()


def _send_within_windows(client: socket.socket, message: bytes) -> None:
    sent, buffer = 0, b""
    windows = {0: _WINDOW, 1: _WINDOW}
    while sent < len(message):
        room = min(*windows.values(), _FRAME_BYTES, len(message) - sent)
        if room > 0:
            flags = _END_STREAM if sent + room == len(message) else 0
            client.sendall(frame(_DATA, flags, 1, message[sent : sent + room]))
            sent += room
            windows = {stream: window - room for stream, window in windows.items()}
            continue
        received = client.recv(_FRAME_BYTES)
        if not received:
            return
        buffer = _take_window_updates(buffer + received, windows)


def _take_window_updates(buffer: bytes, windows: dict[int, int]) -> bytes:
    head, window_update = 9, 8
    while len(buffer) >= head:
        end = head + int.from_bytes(buffer[:3], "big")
        if len(buffer) < end:
            break
        if buffer[3] == window_update:
            windows[int.from_bytes(buffer[5:9], "big")] += int.from_bytes(buffer[9:13], "big")
        buffer = buffer[end:]
    return buffer
