# SPDX-License-Identifier: Apache-2.0
"""``portside node``: the agent of a node."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from sidecar.errors import PortsideError
from sidecar.host.holders import PROCFS
from sidecar.host.sysfs import SYSFS
from sidecar.pools.context import SYSTEM, this_node
from sidecar.process.names import LOG_LEVELS
from sidecar.state.store import STATE

_NONE = "none"
_LOOPBACK = "127.0.0.1:9494"


def node(  # noqa: PLR0913 - typer makes an option of each
    *,
    socket: Annotated[
        Path | None,
        typer.Option(help="Serve KubeVirt's NodeHookService on this socket (PATH.sock)."),
    ] = None,
    connect: Annotated[
        str,
        typer.Option(
            "--connect", "-c", help="libvirt of this host; none: this host has no libvirt."
        ),
    ] = SYSTEM,
    state_dir: Annotated[
        Path, typer.Option(help="Directory of the records of leases and pools.")
    ] = STATE,
    interval: Annotated[
        float, typer.Option(min=1.0, help="Seconds between two checks of the pools.")
    ] = 60.0,
    metrics_address: Annotated[
        str,
        typer.Option(help="Where to serve metrics and health: ADDRESS:PORT, unix:PATH or none."),
    ] = _LOOPBACK,
    log_level: Annotated[str, typer.Option(help=f"One of {', '.join(LOG_LEVELS)}.")] = "info",
    sysfs: Annotated[Path, typer.Option(hidden=True, help="Root of sysfs.")] = SYSFS,
    proc: Annotated[Path, typer.Option(hidden=True, help="Root of procfs.")] = PROCFS,
) -> None:
    """Keep pools at their minimum; serve KubeVirt's node hooks, metrics and health."""
    if log_level not in LOG_LEVELS:
        raise typer.BadParameter(f"expected one of {', '.join(LOG_LEVELS)}")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its lines are no JSON
    from sidecar.agent.serve import AgentOptions, serve  # noqa: PLC0415 - gRPC, metrics
    from sidecar.process.web import parse_address  # noqa: PLC0415 - as above

    try:
        metrics = None if metrics_address == _NONE else parse_address(metrics_address)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--metrics-address") from error
    options = AgentOptions(
        socket=None if socket is None else socket.absolute(),
        metrics=metrics,
        libvirt=connect != _NONE,
        interval=interval,
        log_level=log_level,
    )
    try:
        serve(this_node(connect, state=state_dir, sysfs=sysfs, proc=proc), options)
    except PortsideError as error:
        # The log is JSON to the end.
        line = {"event": "cannot serve", "level": "error", "error": str(error)}
        sys.stderr.write(f"{json.dumps(line)}\n")
        raise typer.Exit(1) from error
