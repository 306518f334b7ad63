# SPDX-License-Identifier: Apache-2.0
"""Whether a VF may be taken, in one word and for programs: the same in all commands."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from sidecar.model.availability import Assessment, Availability
from sidecar.model.vf import UNKNOWN

STYLES: Final = {
    Availability.QUARANTINED: "red",
    Availability.INSPECT: "red",
    Availability.IN_USE: "yellow",
    Availability.LEASED: "yellow",
    Availability.UNKNOWN: "red",
    Availability.PROMISED: "yellow",
    Availability.FREE: "green",
}


def draw_state(assessment: Assessment) -> Text:
    """Return the word, and who has the VF or is to have it."""
    text = Text(assessment.availability, STYLES[assessment.availability])
    if assessment.users:
        text.append(f": {', '.join(assessment.users)}", "none")
    return text


def draw_evidence(assessment: Assessment) -> Iterator[tuple[str, Text]]:
    """Return a line for each signal: its source, and what it says."""
    for one in assessment.evidence:
        yield one.source.capitalize(), Text(f"{one.verdict}: {one.text}", STYLES[one.verdict])


def describe_assessment(assessment: Assessment | None) -> dict[str, Any]:
    """Return it for JSON; ``None`` is of a VF that is not there."""
    if assessment is None:
        return {"availability": None, "users": [], "evidence": []}
    return {
        "availability": assessment.availability,
        "users": list(assessment.users),
        "evidence": [
            {"source": one.source, "verdict": one.verdict, "text": one.text}
            for one in assessment.evidence
        ],
    }


def with_unknown(data: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, Any]:
    """Return an object for JSON: what is unknown is ``null``, and ``unknown`` says why.

    Args:
        data: the object, in which ``UNKNOWN`` may stand for a value.
        reasons: for each key that may be unknown, why it is then.
    """
    unknown = {key: reasons[key] for key, value in data.items() if value is UNKNOWN}
    known = {key: None if value is UNKNOWN else value for key, value in data.items()}
    return known | {"unknown": unknown}
