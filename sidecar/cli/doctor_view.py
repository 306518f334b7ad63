# SPDX-License-Identifier: Apache-2.0
"""Findings for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from rich.text import Text

from sidecar.doctor.rules.finding import Finding, Level

_STYLES: Final = {Level.FAILS: "bold red", Level.WARNING: "yellow", Level.OK: "green"}
_TITLES: Final = {Level.FAILS: "FAILS", Level.WARNING: "WARNING", Level.OK: "ok"}


def draw_findings(findings: Sequence[Finding], *, verbose: bool) -> Iterator[Text]:
    """Return lines: what fails first, each with its message, evidence and remedy; then a sum.

    Args:
        findings: in their order.
        verbose: also show the evidence of what is fine, which else has a line each.
    """
    for finding in findings:
        yield from _draw(finding, whole=verbose or finding.level is not Level.OK)
    yield Text(_sum(findings))


def describe_findings(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return findings as JSON values, in their order."""
    return {
        "fails": sum(finding.level is Level.FAILS for finding in findings),
        "warnings": sum(finding.level is Level.WARNING for finding in findings),
        "findings": [
            {
                "code": str(finding.code),
                "level": str(finding.level),
                "object": finding.object,
                "text": finding.text,
                "message": finding.message,
                "evidence": [
                    {"source": one.source, "content": one.content} for one in finding.evidence
                ],
                "remedy": finding.remedy,
            }
            for finding in findings
        ],
    }


def _draw(finding: Finding, *, whole: bool) -> Iterator[Text]:
    head = Text(_TITLES[finding.level], _STYLES[finding.level])
    head.append(f" {finding.code}", "bold").append(f"  {finding.object}: {finding.text}", "none")
    yield head
    if not whole:
        return
    if finding.message:
        yield _line("says", finding.message)
    for number, reading in enumerate(finding.evidence):
        yield _line("read" if number == 0 else "", str(reading))
    if finding.remedy:
        yield _line("fix", finding.remedy)


def _line(title: str, text: str) -> Text:
    return Text(f"  {title:4}  ", "dim").append(text, "none")


def _sum(findings: Sequence[Finding]) -> str:
    fails = sum(finding.level is Level.FAILS for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    return f"{_count(fails, 'problem')}, {_count(warnings, 'warning')}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
