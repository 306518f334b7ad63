# SPDX-License-Identifier: Apache-2.0
"""What the commands print, and the choice of ``-o``."""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from rich.console import Console, RenderableType


class Output(StrEnum):
    """Output format."""

    TABLE = "table"
    JSON = "json"


def print_json(data: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print for programs."""
    sys.stdout.write(json.dumps(data, indent=2) + "\n")


def print_content(content: RenderableType) -> None:
    """Print for people; a sentence is left to the terminal to break, for others search in it."""
    Console(highlight=False, markup=False).print(content, soft_wrap=isinstance(content, str))
