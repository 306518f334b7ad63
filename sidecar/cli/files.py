# SPDX-License-Identifier: Apache-2.0
"""Files that commands read."""

import sys
from pathlib import Path
from typing import Final

import typer

STDIO: Final = "-"
"""Names standard input or output instead of a file."""


def own_path() -> str:
    """Return the absolute path of the command that runs, as a unit file needs it."""
    path = Path(sys.argv[0])
    if path.name == "portside":
        return str(path.absolute())
    # Run as a module: the command lies beside its interpreter.
    return str(Path(sys.executable).with_name("portside"))


def read_input(name: str, option: str) -> bytes:
    """Read a file, or standard input.

    Args:
        name: the file's name, or ``-``.
        option: the argument that named it, for the error.

    Raises:
        typer.BadParameter: it cannot be read.
    """
    if name == STDIO:
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: {name}", param_hint=option) from error
