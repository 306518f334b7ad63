# SPDX-License-Identifier: Apache-2.0
"""How much text fits: an SVG has no line breaks, and nobody knows the reader's font.

Widths are those of a wide font (DejaVu Sans), so that text stays inside in any other.
"""

import textwrap
from unicodedata import east_asian_width

SMALL = 5.75
"""Of every character of the monospace of 9.5 px, in pixels."""
_WIDTHS = {"il.,:;'|! ()[]j": 4.4, "tfrI1-/": 5.7, "mwMW@%": 11.8}
"""Of characters of a bold title of 11.5 px, in pixels."""
_TITLE = {character: width for group, width in _WIDTHS.items() for character in group}
_LOWER, _UPPER, _FULL = 7.9, 8.6, 13.0
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_ELLIPSIS_WIDTH = 11.5


def cut(text: str, room: float) -> str:
    """Cut a title to so many pixels."""
    if sum(map(_measure, text)) <= room:
        return text
    room -= _ELLIPSIS_WIDTH
    kept = ""
    for character in text:
        room -= _measure(character)
        if room < 0:
            break
        kept += character
    return kept + _ELLIPSIS


def _measure(character: str) -> float:
    if character in _TITLE:
        return _TITLE[character]
    if _is_full(character):
        return _FULL
    return _UPPER if character.isupper() else _LOWER


def _is_full(character: str) -> bool:
    return east_asian_width(character) in "WF"


def wrap(text: str, room: float) -> list[str]:
    """Break small text into lines of so many pixels, at most two."""
    fits = int(room / (SMALL * 2 if any(map(_is_full, text)) else SMALL))
    return textwrap.wrap(text, fits, max_lines=2, placeholder=_ELLIPSIS) or [""]
