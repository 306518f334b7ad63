# SPDX-License-Identifier: Apache-2.0
"""What the commands on a node's pools share: where the node is, and how errors are told."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sidecar.cli.output import Output
from sidecar.errors import PortsideError
from sidecar.host.holders import PROCFS
from sidecar.host.sysfs import SYSFS
from sidecar.pools.context import SYSTEM, this_node
from sidecar.state.store import STATE

Format = Annotated[Output, typer.Option("--output", "-o", help="What to print.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The pool: its network's name.")]

_OPTIONS = {
    "connect": (
        SYSTEM,
        Annotated[str, typer.Option("--connect", "-c", metavar="URI", help="libvirt to use.")],
    ),
    "state_dir": (
        STATE,
        Annotated[Path, typer.Option("--state-dir", hidden=True, help="Another state.")],
    ),
    "sysfs": (SYSFS, Annotated[Path, typer.Option("--sysfs", hidden=True, help="Another sysfs.")]),
    "proc": (PROCFS, Annotated[Path, typer.Option("--proc", hidden=True, help="Another procfs.")]),
}


def on_node(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the node that its options name, and tell our errors.

    Args:
        command: takes the node, and its own arguments for typer to read.

    Returns:
        the command for typer, with ``--connect`` and the hidden roots besides its own.
    """
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (default, kind) in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def run(*, context: typer.Context, **given: Any) -> None:  # noqa: ANN401 -- typer hands over what it read
        where = {name: given.pop(name) for name in _OPTIONS}
        with told(context.command_path):
            node = this_node(
                where["connect"],
                state=where["state_dir"],
                sysfs=where["sysfs"],
                proc=where["proc"],
            )
            command(node, **given)

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
