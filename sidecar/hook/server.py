# SPDX-License-Identifier: Apache-2.0
"""The hook's gRPC server: every service, on every socket that was asked for."""

from collections.abc import Callable

from sidecar.hook.callbacks import callbacks
from sidecar.hook.calls import Desk
from sidecar.hook.info import info
from sidecar.hook.plugin import domain_hook
from sidecar.process.grpc_limits import Limits
from sidecar.process.grpc_server import GrpcServer

LIMITS = Limits(workers=1, turns=1, grace=0.3)
"""The engine holds Python's lock, so more threads answer no faster, and a call of 4 MiB takes
half of the 64 MB."""


class HookServer(GrpcServer):
    """Serves the hook's services.

    Args:
        versions: of ``Callbacks``, newest first.
        desk: answers the calls.
        stop: what ``Shutdown`` calls.
    """

    def __init__(self, versions: tuple[str, ...], desk: Desk, stop: Callable[[], None]) -> None:
        services = [callbacks(version, desk, stop) for version in versions]
        super().__init__(
            dict([info(versions, desk), domain_hook(desk), *services]), LIMITS, desk.note
        )
