# SPDX-License-Identifier: Apache-2.0
"""What a server lets its callers take: calls, connections, and time."""

from dataclasses import dataclass

PATIENCE = 0.5
"""Seconds that a call may keep others waiting for its message or for the taking of its answer.

A message of 4 MiB takes about 0.1 s of a fifth of a CPU."""
READ_SECONDS = 5.0
"""Seconds within which a call's message must be there, whether others wait or not."""
TAKE_SECONDS = 10.0
"""Seconds within which a caller must have taken its answer."""
MAX_WAITING = 128
"""Calls that wait for their turn; of more than these, the one that waits longest is refused."""
MAX_CONNECTIONS = 128
"""Connections at once; of more than these, the oldest are closed. KubeVirt has one for each
call, and makes one call at a time."""
MAX_UPSTREAM = MAX_CONNECTIONS + 16
"""Connections that gRPC has not let go of, those that were closed included: it takes its time,
and what they hold is in memory until then."""

CHANNEL = (
    # Calls of one connection at once; a caller's further ones wait on its side.
    ("grpc.max_concurrent_streams", 2),
    # Bytes of a call that are taken before its turn; more is asked for once it is read.
    ("grpc.http2.lookahead_bytes", 16_384),
    # A connection that says nothing, or makes no call, is closed.
    ("grpc.server_handshake_timeout_ms", 2_000),
    ("grpc.max_connection_idle_ms", 5_000),
    # Header fields of one call; KubeVirt's take 200 bytes, gRPC's default is 16 KiB.
    ("grpc.max_metadata_size", 4_096),
    ("grpc.absolute_max_metadata_size", 8_192),
    ("grpc.so_reuseport", 0),
    # Measures the bandwidth of a network, with frames of its own; here is none.
    ("grpc.http2.bdp_probe", 0),
)
"""gRPC's own bounds (``grpc_types.h``)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one server.

    Args:
        workers: calls that are worked on at once, each in a thread.
        turns: calls whose message or answer is in memory at once; the others wait unread.
        grace: seconds that running calls get to end when the server stops.
    """

    workers: int
    turns: int
    grace: float
