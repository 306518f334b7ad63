# SPDX-License-Identifier: Apache-2.0
"""What the commands on a node's pools share: where the node is, and how errors are told."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.cli.output import Output
from sidecar.errors import PortsideError
from sidecar.host.holders import PROCFS
from sidecar.host.sysfs import SYSFS, Sysfs
from sidecar.pools.context import NO_URI, SYSTEM, Host, Node, this_host, this_node
from sidecar.state.store import STATE

Format = Annotated[Output, typer.Option("--output", "-o", help="Output format.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the pool (of its network).")]

_CONNECT = "libvirt to use; none: this host has no libvirt."
_OPTIONS = {
    "connect": (
        SYSTEM,
        Annotated[
            str,
            typer.Option("--connect", "-c", metavar="URI", help=_CONNECT),
        ],
    ),
    "state_dir": (
        STATE,
        Annotated[Path, typer.Option("--state-dir", hidden=True, help="State directory.")],
    ),
    "sysfs": (SYSFS, Annotated[Path, typer.Option("--sysfs", hidden=True, help="Root of sysfs.")]),
    "proc": (PROCFS, Annotated[Path, typer.Option("--proc", hidden=True, help="Root of procfs.")]),
}

_HOST_OPTIONS = {
    "connect": (
        None,
        Annotated[
            str | None,
            typer.Option(
                "--connect",
                "-c",
                metavar="URI",
                help=f"libvirt that knows which guest has a VF; default: {SYSTEM}; none: this "
                "host has no libvirt.",
            ),
        ],
    ),
    "addressed": (
        None,
        Annotated[
            list[str] | None,
            typer.Option(
                "--addressed",
                hidden=True,
                help="Interfaces that have IP addresses, for another sysfs.",
            ),
        ],
    ),
}


def on_node(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the node that its options name, and tell our errors.

    Args:
        command: takes the node, and its own arguments for typer to read.

    Returns:
        the command for typer, with ``--connect`` and the hidden roots besides its own.
    """

    def make(where: Mapping[str, Any]) -> Node:
        return this_node(
            where["connect"], state=where["state_dir"], sysfs=where["sysfs"], proc=where["proc"]
        )

    return _add(command, _OPTIONS, make)


def on_host(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command that only looks the host that its options name, as ``on_node``."""

    def make(where: Mapping[str, Any]) -> Host:
        root, uri = where["sysfs"], where["connect"]
        # Of a tree that is not this machine's kernel's, its netlink and libvirt tell nothing.
        own = root == SYSFS
        addressed = None if own else frozenset(where["addressed"] or ())
        return this_host(
            uri or (SYSTEM if own else NO_URI),
            state=where["state_dir"],
            sysfs=Sysfs(root, addressed=addressed),
            proc=where["proc"],
        )

    return _add(command, _OPTIONS | _HOST_OPTIONS, make)


def _add(
    command: Callable[..., None],
    options: Mapping[str, tuple[Any, Any]],
    make: Callable[[Mapping[str, Any]], Host],
) -> Callable[..., None]:
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (default, kind) in options.items()
    ]

    @functools.wraps(command)
    def run(*, context: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- typer hands over what it read
        where = {name: given.pop(name) for name in options}
        with told(context.command_path):
            command(make(where), **given)

    # By its type typer knows that it is to hand over its own context.
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    by_name = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__signature__ = inspect.Signature([*by_name, context, *added])  # type: ignore[attr-defined] # typer reads it
    run.__annotations__ = {one.name: one.annotation for one in (*own, context, *added)}
    return run


@contextmanager
def told(command: str) -> Iterator[None]:
    """Print our own errors to stderr and end with exit code 1."""
    try:
        yield
    except PortsideError as error:
        sys.stderr.write(f"{command}: {error}\n")
        raise typer.Exit(1) from error
