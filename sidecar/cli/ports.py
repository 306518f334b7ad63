# SPDX-License-Identifier: Apache-2.0
"""``portside ports``: free root ports for a plain libvirt domain, without KubeVirt."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sidecar.cli.diff import unified_diff
from sidecar.cli.files import STDIO, read_input
from sidecar.domainxml.document import format_domain, parse_domain
from sidecar.domainxml.free_ports import add_free_ports
from sidecar.domainxml.mutate import Mutation
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import PortsideError
from sidecar.model.request import MAX_PORTS
from sidecar.pools.context import SYSTEM
from sidecar.virt.configuration import Configuration, read_configuration, write_configuration
from sidecar.virt.connection import Libvirt, open_libvirt

_OPTION = "--free"


def ports(
    *,
    domain: Annotated[
        str, typer.Argument(metavar="DOMAIN|FILE", help="Name, UUID, XML file, or - for stdin.")
    ],
    free: Annotated[
        int,
        typer.Option(
            _OPTION, min=1, max=MAX_PORTS, help="Number of ports that are free at the next start."
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the diff; change nothing.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print a unified diff.")] = False,
    connect: Annotated[
        str, typer.Option("--connect", "-c", metavar="URI", help="libvirt to use.")
    ] = SYSTEM,
) -> None:
    """Reserve free PCIe root ports in a domain's configuration.

    No device moves. A running domain has them from its next start. For a file, the changed XML
    is printed and the file is not changed.
    """
    try:
        if _is_file(domain):
            _change_file(domain, free, diff=diff or dry_run)
        else:
            with open_libvirt(connect) as libvirt:
                _change_domain(libvirt, domain, free, diff=diff, dry_run=dry_run)
    except PortsideError as error:
        sys.stderr.write(f"portside ports: {error}\n")
        raise typer.Exit(1) from error


def _is_file(given: str) -> bool:
    return given == STDIO or "/" in given or given.endswith(".xml") or Path(given).is_file()


def _change_file(name: str, free: int, *, diff: bool) -> None:
    before = read_input(name, "DOMAIN|FILE")
    mutation = add_free_ports(before, free, Planner(), _OPTION)
    sys.stderr.write(f"{_summary(mutation)}\n")
    after = mutation.domain
    sys.stdout.buffer.write(_diff(before, after, name) if diff else after)
    sys.stdout.buffer.flush()


def _change_domain(libvirt: Libvirt, name: str, free: int, *, diff: bool, dry_run: bool) -> None:
    was = read_configuration(libvirt, name)
    shown = add_free_ports(was.xml, free, Planner(), _OPTION)
    if diff or dry_run:
        sys.stdout.buffer.write(_diff(was.xml, shown.domain, was.name))
        sys.stdout.buffer.flush()
    changes = bool(_diff(was.xml, shown.domain, was.name))
    if changes and not dry_run:
        changed = add_free_ports(was.secret_xml, free, Planner(), _OPTION)
        write_configuration(libvirt, was.name, changed.domain)
    sys.stderr.write(
        f"domain {was.name}: {_summary(shown)}{_when(was, changes=changes, dry_run=dry_run)}\n"
    )


def _diff(before: bytes, after: bytes, name: str) -> bytes:
    """Return what changes, not how each program quotes its attributes."""
    return unified_diff(format_domain(parse_domain(before), before), after, name)


def _when(was: Configuration, *, changes: bool, dry_run: bool) -> str:
    if not changes:
        return "; nothing to do"
    if dry_run:
        return "; nothing changed (--dry-run)"
    return "; from its next start" if was.active else ""


def _summary(mutation: Mutation) -> str:
    before, after = mutation.before, mutation.after
    if before is None or after is None:
        return "; ".join(mutation.notes)
    if before == after:
        return "; ".join([f"{before.total} ports, {before.free} free", *mutation.notes])
    grown = f"{before.total} ports, {before.free} free -> {after.total} ports, {after.free} free"
    return "; ".join([grown, *mutation.notes])
