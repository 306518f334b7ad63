# SPDX-License-Identifier: Apache-2.0
"""The ``portside`` command."""

import os
import sys
from collections.abc import Sequence

_EXTRAS = {
    "typer": "cli",
    "rich": "cli",
    "libvirt": "libvirt",
    "pyroute2": "node",
    "prometheus_client": "agent",
}
"""Which extra of pyproject.toml brings a module."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code.

    The hook goes its own way: it answers before typer would be imported.
    """
    # libvirt forks to probe QEMU; gRPC's fork handlers can abort such a child.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["hook"]:
        from sidecar.cli import hook  # noqa: PLC0415 - the other commands do without gRPC

        return hook.main(given[1:])
    try:
        from sidecar.cli.app import app  # noqa: PLC0415 - the hook does without typer

        app(args=given, prog_name="portside")
    except ModuleNotFoundError as error:
        # Only what an extra would bring: any other module that is missing is our bug.
        name = (error.name or "").partition(".")[0]
        if name not in _EXTRAS:
            raise
        sys.stderr.write(
            f"portside: the module {name} is not installed; 'portside hook' does without it. "
            f"Install the extra portside[{_EXTRAS[name]}].\n"
        )
        return 1
    return 0
