# SPDX-License-Identifier: Apache-2.0
"""The demo's verdict follows what attached."""

import io

import pytest
from rich.console import Console

from sidecar.demo.plug import NO_PORT, Plugged
from sidecar.demo.show import Row, show_rows, show_verdict
from sidecar.demo.trial import Trial, Way

DOMAIN = b"<domain><devices><controller model='pcie-root-port'/></devices></domain>"


def row(way: Way, attached: int, refusal: str = f"internal error: {NO_PORT}") -> Row:
    return Row(5, 4, Trial(way, DOMAIN, 3, Plugged(attached, refusal, ())))


def say(rows: list[Row]) -> tuple[bool, str]:
    out = io.StringIO()
    console = Console(file=out, width=80)
    show_rows(console, rows)
    return show_verdict(console, rows), out.getvalue()


def test_enough_nics_keep_the_promise() -> None:
    held, text = say([row(Way.BARE, 1), row(Way.KUBEVIRT, 4), row(Way.SIDECAR, 4)])
    assert held
    assert "1 / 4 \N{BALLOT X}" in text
    assert "4 / 4 \N{CHECK MARK}" in text


@pytest.mark.parametrize("broken", [row(Way.SIDECAR, 3), row(Way.SIDECAR, 7, "QEMU has crashed")])
def test_too_few_nics_or_another_end_break_it(broken: Row) -> None:
    held, text = say([row(Way.BARE, 9), row(Way.KUBEVIRT, 9), broken])
    assert not held
    assert "Broken" in text
    assert broken.trial.plugged.refusal.removeprefix("internal error: ") in " ".join(text.split())


def test_nothing_is_wider_than_a_terminal() -> None:
    _, text = say([row(Way.BARE, 1), row(Way.KUBEVIRT, 4), row(Way.SIDECAR, 4)])
    assert all(len(line) <= 80 for line in text.splitlines())
    assert f"{NO_PORT}" in text
