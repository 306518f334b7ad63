# SPDX-License-Identifier: Apache-2.0
"""The ``portside`` command."""

import os
import sys
from collections.abc import Sequence


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
    except ModuleNotFoundError as error:
        sys.stderr.write(
            f"portside: no module named {error.name}; the hook's image has 'portside hook' only. "
            "Install portside[cli] for the other commands.\n"
        )
        return 1
    app(args=given, prog_name="portside")
    return 0
