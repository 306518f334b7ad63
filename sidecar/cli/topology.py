# SPDX-License-Identifier: Apache-2.0
"""``portside topology``: a picture of a domain's PCI tree."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sidecar.cli.files import STDIO, read_input
from sidecar.cli.manifests import read_vmi
from sidecar.cli.output import Output
from sidecar.domainxml.comparison import Comparison, compare
from sidecar.domainxml.topology import Topology, read_topology
from sidecar.draw.data import describe_comparison, describe_topology
from sidecar.draw.svg import draw_comparison_svg, draw_svg
from sidecar.draw.terminal import ComparisonView, TopologyView
from sidecar.errors import PortsideError
from sidecar.hook.define_domain import Settings, define_domain


@dataclass(frozen=True, slots=True)
class _Picture:
    """One domain, or two states of it and what to call them; ``notes`` are the engine's."""

    content: Topology | Comparison
    titles: tuple[str, str] = ("Before", "After")
    notes: Sequence[str] = ()

    def data(self) -> dict[str, Any]:
        if isinstance(self.content, Topology):
            return describe_topology(self.content)
        return describe_comparison(self.content) | {"notes": list(self.notes)}

    def svg(self) -> str:
        if isinstance(self.content, Topology):
            return draw_svg(self.content)
        return draw_comparison_svg(self.content, self.titles)

    def view(self) -> TopologyView | ComparisonView:
        if isinstance(self.content, Topology):
            return TopologyView(self.content)
        return ComparisonView(self.content, self.titles)


def topology(  # noqa: PLR0913 - one parameter an option
    *,
    domain: Annotated[
        str, typer.Argument(metavar="FILE", help="Domain XML; - for standard input.")
    ],
    vmi: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="VM or VMI, YAML or JSON; show what Portside would change."
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="FILE", help="Compare with this domain XML.")
    ] = None,
    svg: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write an SVG; - prints only the SVG."),
    ] = None,
    width: Annotated[
        int | None, typer.Option(min=40, help="Width in columns; default: the terminal's, or 80.")
    ] = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="Output format.")] = Output.TABLE,
) -> None:
    """Show a domain's PCI ports, what sits on each, and what is free.

    Devices without an address are shown where libvirt will put them. For a domain of a libvirt:
    virsh dumpxml NAME | portside topology -
    """
    if vmi is not None and after is not None:
        raise typer.BadParameter("--vmi and --after exclude each other")
    if [domain, vmi, after].count(STDIO) > 1:
        raise typer.BadParameter("only one file can be - (standard input)")
    first = read_input(domain, "FILE")
    try:
        if vmi is not None:
            picture = _mutated(first, read_vmi(vmi, "--vmi"))
        elif after is not None:
            picture = _Picture(
                compare(read_topology(first), read_topology(read_input(after, "--after")))
            )
        else:
            picture = _Picture(read_topology(first))
    except PortsideError as error:
        sys.stderr.write(f"portside topology: {error}\n")
        raise typer.Exit(1) from error
    if svg is not None:
        _write(svg, picture.svg())
    if svg != STDIO:
        _show(picture, output, width)


def _mutated(domain: bytes, vmi: bytes) -> _Picture:
    mutation = define_domain(vmi, domain, Settings()).mutation
    comparison = compare(read_topology(domain), read_topology(mutation.domain))
    return _Picture(comparison, ("Before", "After Portside"), mutation.notes)


def _show(picture: _Picture, output: Output, width: int | None) -> None:
    if output is Output.JSON:
        sys.stdout.write(json.dumps(picture.data(), indent=2) + "\n")
        return
    console = Console(width=width, highlight=False)
    console.print(picture.view())
    for note in picture.notes:
        console.print(f"Note: {note}", markup=False)


def _write(name: str, svg: str) -> None:
    if name == STDIO:
        sys.stdout.buffer.write(svg.encode())
        sys.stdout.buffer.flush()
        return
    try:
        Path(name).write_text(svg, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: {name}", param_hint="--svg") from error
