# SPDX-License-Identifier: Apache-2.0
"""What the demo prints."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sidecar.demo.plug import NO_PORT
from sidecar.demo.trial import Trial, Way
from sidecar.domainxml.comparison import compare
from sidecar.domainxml.topology import read_topology
from sidecar.draw.terminal import ComparisonView


@dataclass(frozen=True, slots=True)
class Row:
    """One line: what was asked, and what a boot gave.

    ``promised`` is the NICs that must be pluggable: requested less defined.
    """

    requested: int
    promised: int
    trial: Trial

    @property
    def kept(self) -> bool:
        """Whether so many NICs attached, and it was the ports that ended it."""
        plugged = self.trial.plugged
        return plugged.attached >= self.promised and NO_PORT in plugged.refusal


def show_topologies(console: Console, rows: Sequence[Row]) -> None:
    """Draw the domain of the largest request, as KubeVirt would boot it and as it booted."""
    largest = max(row.requested for row in rows)
    domains = {row.trial.way: row.trial.domain for row in rows if row.requested == largest}
    before, after = (read_topology(domains[way]) for way in (Way.KUBEVIRT, Way.SIDECAR))
    titles = (str(Way.KUBEVIRT), f"{Way.KUBEVIRT} {Way.SIDECAR}: {largest} interfaces requested")
    console.print()
    console.print(ComparisonView(compare(before, after), titles))
    console.print()


def show_rows(console: Console, rows: Sequence[Row]) -> None:
    """Print the table: one group of lines per request."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("interfaces\nrequested", justify="right")
    table.add_column("ports\nreserved by", no_wrap=True)
    table.add_column("root\nports", justify="right")
    table.add_column("NICs attached\n/ needed", justify="right")
    table.add_column("libvirt on\nthe next one", no_wrap=True)
    for row in rows:
        first, ours = row.trial.way is Way.BARE, row.trial.way is Way.SIDECAR
        table.add_row(
            str(row.requested) if first else "",
            Text(row.trial.way, style="bold" if ours else ""),
            str(row.trial.ports),
            _attached(row),
            Text(row.trial.plugged.refusal.removeprefix("internal error: "), style="dim"),
            end_section=ours,
        )
    console.print(table)


def _attached(row: Row) -> Text:
    style = "green" if row.kept else "red"
    mark = "\N{CHECK MARK}" if row.kept else "\N{BALLOT X}"
    return Text(f"{row.trial.plugged.attached} / {row.promised} {mark}", style=style)


def show_verdict(console: Console, rows: Sequence[Row]) -> bool:
    """Say whether the promise held; return it."""
    ours = [row for row in rows if row.trial.way is Way.SIDECAR]
    broken = [row for row in ours if not row.kept]
    for row in broken:
        console.print(
            f"[red]Broken:[/] {row.requested} interfaces were requested, {row.promised} should "
            f"plug, {row.trial.plugged.attached} did ({row.trial.plugged.refusal})."
        )
    if not broken:
        console.print("[green]The promise held:[/] every NIC that was asked for found a port.")
    return not broken
