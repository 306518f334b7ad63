# SPDX-License-Identifier: Apache-2.0
"""The PCI tree for a terminal, in text that needs no colour to be read."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from sidecar.domainxml.comparison import Comparison
from sidecar.domainxml.topology import PortState, Topology
from sidecar.draw import summary
from sidecar.draw.branches import ASCII, UNICODE, Symbols, grow

_SIDE_BY_SIDE = 150
"""Columns from which two pictures stand beside each other."""


class TopologyView:
    """One domain's picture: a summary, the tree, and the legend unless told otherwise."""

    def __init__(self, topology: Topology, title: str = "", *, legend: bool = True) -> None:
        """Take what to draw; ``title`` stands in front of the summary."""
        self._topology = topology
        self._title = title or summary.describe_machine(topology)
        self._legend = legend

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw in the characters that the terminal's encoding has."""
        symbols = ASCII if options.ascii_only else UNICODE
        yield Text(self._title, style="bold")
        yield Text(summary.summarize(self._topology))
        guesses = summary.describe_guesses(self._topology)
        if guesses:
            yield Text(guesses, style="dim")
        for root in self._topology.roots:
            yield grow(root, symbols)
        if self._legend:
            yield from _legend(symbols, [self._topology])


class ComparisonView:
    """Two states of one domain, beside each other where there is room."""

    def __init__(self, comparison: Comparison, titles: tuple[str, str]) -> None:
        """Take what to draw, and what to call the two."""
        self._comparison = comparison
        both = (comparison.before, comparison.after)
        self._views = [
            TopologyView(topology, title, legend=False)
            for topology, title in zip(both, titles, strict=True)
        ]

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw in the characters that the terminal's encoding has."""
        comparison = self._comparison
        yield Text(summary.describe_machine(comparison.after))
        yield Text()
        if options.max_width >= _SIDE_BY_SIDE:
            grid = Table.grid(padding=(0, 4), expand=True)
            for _ in self._views:
                grid.add_column(ratio=1)
            grid.add_row(*self._views)
            yield grid
        else:
            yield self._views[0]
            yield Text()
            yield self._views[1]
        yield Text()
        yield Text.assemble(("Change: ", "bold"), summary.summarize_changes(comparison))
        symbols = ASCII if options.ascii_only else UNICODE
        yield from _legend(symbols, [comparison.before, comparison.after])


def _legend(symbols: Symbols, topologies: Sequence[Topology]) -> Iterator[Text]:
    """Explain the symbols that occur."""
    buses = [bus for topology in topologies for bus in topology.buses if bus.port]
    seen = {symbols.of(bus)[0] for bus in buses}
    meanings = {
        symbols.taken: summary.STATES[PortState.TAKEN],
        symbols.free: summary.STATES[PortState.FREE],
        symbols.added: f"{summary.STATES[PortState.FREE]}, added",
        symbols.held: summary.STATES[PortState.HELD],
        symbols.locked: summary.STATES[PortState.LOCKED],
    }
    if seen:
        shown = (f"{symbol} {meaning}" for symbol, meaning in meanings.items() if symbol in seen)
        yield Text("   ".join(shown), style="dim")
