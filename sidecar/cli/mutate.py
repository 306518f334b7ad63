# SPDX-License-Identifier: Apache-2.0
"""``portside mutate``: what the hook would answer, from files."""

import sys
from contextlib import ExitStack
from typing import Annotated

import typer

from sidecar.cli.diff import unified_diff
from sidecar.cli.files import STDIO, read_input
from sidecar.cli.manifests import read_vmi
from sidecar.cli.settings import SettingsChoice, SourceName
from sidecar.errors import PortsideError
from sidecar.hook.define_domain import Outcome, define_domain


def mutate(  # noqa: PLR0913 - one parameter an option
    *,
    vmi: Annotated[str, typer.Option(metavar="FILE", help="VM or VMI, YAML or JSON; - for stdin.")],
    domain: Annotated[str, typer.Option(metavar="FILE", help="Domain XML; - for standard input.")],
    diff: Annotated[bool, typer.Option("--diff", help="Print a unified diff instead.")] = False,
    source: Annotated[
        SourceName, typer.Option(help="What creates the root ports.")
    ] = SourceName.PLANNER,
    libvirt_uri: Annotated[
        str | None, typer.Option(help="For --source libvirt; default: an embedded libvirt.")
    ] = None,
    pool_networks: Annotated[
        bool,
        typer.Option(
            "--pool-networks",
            help="The launcher's libvirt sees the PFs, so a VF may be an <interface>.",
        ),
    ] = False,
) -> None:
    """Print the domain XML that the hook would return for a VMI."""
    if vmi == STDIO and domain == STDIO:
        raise typer.BadParameter("only one of --vmi and --domain can be - (standard input)")
    choice = SettingsChoice(source, libvirt_uri, pool_networks)
    domain_bytes = read_input(domain, "--domain")
    try:
        vmi_bytes = read_vmi(vmi, "--vmi")
        with ExitStack() as stack:
            outcome = define_domain(vmi_bytes, domain_bytes, choice.load(stack))
    except PortsideError as error:
        sys.stderr.write(f"portside mutate: {error}\n")
        raise typer.Exit(1) from error
    for line in _remarks(outcome):
        sys.stderr.write(f"{line}\n")
    changed = outcome.mutation.domain
    sys.stdout.buffer.write(unified_diff(domain_bytes, changed, domain) if diff else changed)
    sys.stdout.buffer.flush()


def _remarks(outcome: Outcome) -> list[str]:
    remarks = list(outcome.mutation.notes)
    before, after = outcome.mutation.before, outcome.mutation.after
    if before is not None and after is not None:
        remarks.append(
            f"ports: {before.total} with {before.free} free before, "
            f"{after.total} with {after.free} free after"
        )
    return remarks
