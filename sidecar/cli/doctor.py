# SPDX-License-Identifier: Apache-2.0
"""``portside doctor``: what will fail on this host, and how to fix it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from sidecar.cli.doctor_view import describe_findings, draw_findings
from sidecar.cli.output import Output
from sidecar.doctor.read_facts import ROOT, Question, diagnose
from sidecar.doctor.rules.finding import any_fails
from sidecar.errors import HostError, PortsideError, RequestError
from sidecar.host.holders import PROCFS
from sidecar.host.sysfs import SYSFS
from sidecar.pools.context import SYSTEM, this_node
from sidecar.state.store import STATE

_STDIN: Final = "-"
_FAILS: Final = 1
_WRONG_CALL: Final = 2


def doctor(  # noqa: PLR0913 - one parameter an option
    *,
    domain: Annotated[
        str,
        typer.Option(
            metavar="XML|NAME", help="Also check a domain: a file, - for stdin, or a name."
        ),
    ] = "",
    pool: Annotated[str, typer.Option(metavar="NAME", help="Only this pool and its PF.")] = "",
    connect: Annotated[
        str | None, typer.Option(metavar="URI", help=f"libvirt's URI; default: {SYSTEM}.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="Output format.")] = Output.TABLE,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show the evidence for good findings too.")
    ] = False,
    sysfs: Annotated[Path, typer.Option(hidden=True, help="Root of sysfs.")] = SYSFS,
    proc: Annotated[Path, typer.Option(hidden=True, help="Root of procfs.")] = PROCFS,
    state: Annotated[Path, typer.Option(hidden=True, help="State directory.")] = STATE,
    root: Annotated[Path, typer.Option(hidden=True, help="Root of the file system.")] = ROOT,
) -> None:
    """Report what will fail when VMs are given VFs on this host, and how to fix it.

    Changes nothing. Exit code 0: nothing will fail (there may be warnings); 1: something will;
    2: usage error.
    """
    try:
        xml = _read_domain(domain)
        question = Question(
            connect or SYSTEM,
            pool=pool,
            domain="" if xml is not None else domain,
            xml=xml,
            insists=connect is not None,
        )
        node = this_node(question.uri, state=state, sysfs=sysfs, proc=proc)
        findings = diagnose(node, question, root)
    except PortsideError as error:
        sys.stderr.write(f"portside doctor: {error}\n")
        raise typer.Exit(_WRONG_CALL) from error
    if output is Output.JSON:
        sys.stdout.write(json.dumps(describe_findings(findings), indent=2) + "\n")
    else:
        console = Console(highlight=False, markup=False)
        for line in draw_findings(findings, verbose=verbose):
            # A sentence is left to the terminal to break: others search in it.
            console.print(line, soft_wrap=True)
    raise typer.Exit(_FAILS if any_fails(findings) else 0)


def _read_domain(given: str) -> bytes | None:
    """Return a domain's XML, ``None`` if what is given is the name of a domain.

    Raises:
        RequestError: there is a path and no such file.
        HostError: the file cannot be read.
    """
    if not given:
        return None
    if given == _STDIN:
        return sys.stdin.buffer.read()
    path = Path(given)
    if not path.is_file():
        if "/" in given or given.endswith(".xml"):
            raise RequestError("no such file", where=f"--domain {given}")
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise HostError(
            "the file cannot be read", where=f"--domain {given}", found=str(error.strerror)
        ) from error
