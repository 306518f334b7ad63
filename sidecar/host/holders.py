# SPDX-License-Identifier: Apache-2.0
"""Which processes have VFIO's files open, by their descriptors in procfs."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.model.digits import is_number

PROCFS: Final = Path("/proc")

_VFIO: Final = "/dev/vfio/"


@dataclass(frozen=True, slots=True)
class Process:
    """A process; ``name`` is the kernel's short name of it, empty if that cannot be read."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} {self.number}" if self.name else str(self.number)


@dataclass(frozen=True, slots=True)
class Holders:
    """The processes that have VFIO files open, by the file's name below ``/dev/vfio``.

    ``hidden`` tells that there are processes whose descriptors may not be read. Those of
    another PID namespace do not even show, so no entry never means no holder.
    """

    by_file: Mapping[str, tuple[Process, ...]]
    hidden: bool


def read_holders(proc: Path = PROCFS) -> Holders:
    """Look through the descriptors of all processes; nothing is opened but folders."""
    found: dict[str, list[Process]] = {}
    hidden = False
    try:
        with os.scandir(proc) as entries:
            numbers = sorted(int(one.name) for one in entries if is_number(one.name))
    except OSError:
        return Holders({}, hidden=True)
    for number in numbers:
        try:
            files = set(_vfio_files(f"{proc}/{number}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        except OSError:
            hidden = True
            continue
        for file in files:
            found.setdefault(file, []).append(Process(number, _name(proc, number)))
    return Holders({file: tuple(processes) for file, processes in found.items()}, hidden)


def _vfio_files(descriptors: str) -> Iterator[str]:
    with os.scandir(descriptors) as entries:
        for entry in entries:
            try:
                target = os.readlink(entry.path)  # noqa: PTH115 - of tens of thousands
            except (FileNotFoundError, ProcessLookupError):
                continue  # closed meanwhile
            if target.startswith(_VFIO):
                yield target[len(_VFIO) :]


def _name(proc: Path, number: int) -> str:
    try:
        name = (proc / str(number) / "comm").read_text(errors="replace").strip()
    except OSError:
        return ""
    # A process names itself as it likes, with sequences for the terminal too.
    return "".join(one if one.isprintable() else "?" for one in name)
