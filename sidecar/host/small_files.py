# SPDX-License-Identifier: Apache-2.0
"""Small files of the host, read for the doctor: what is not there is no error."""

from collections.abc import Sequence
from pathlib import Path

from sidecar.model.vf import UNKNOWN, Unknown


def read(path: Path) -> str | Unknown | None:
    """Return a file's text; ``None`` without the file, ``UNKNOWN`` if it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return UNKNOWN


def read_lines(path: Path) -> Sequence[str]:
    """Return a file's lines without comments, blanks around them, and empty ones."""
    text = read(path)
    lines = text.splitlines() if isinstance(text, str) else ()
    stripped = (line.strip() for line in lines)
    return [line for line in stripped if line and not line.startswith("#")]


def names_in(folder: Path) -> tuple[str, ...] | Unknown | None:
    """Return the names in a folder, in their order; ``None`` without the folder."""
    try:
        return tuple(sorted(entry.name for entry in folder.iterdir()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return UNKNOWN


def is_switched_on(path: Path) -> bool:
    """Tell whether a module's parameter is on: ``Y`` or ``1``."""
    return read(path) in {"Y", "1"}
