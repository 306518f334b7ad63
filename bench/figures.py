# SPDX-License-Identifier: Apache-2.0
"""Figures and how they are printed."""

import math
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a process in MB (10^6 bytes): resident, and that part of it that is its own."""

    resident: float
    anonymous: float


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that is not below ``share`` (0 to 1) of ``values``."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return percentile(values, 0.5)


def read_memory(pid: int) -> Memory:
    """Return what ``/proc/PID/status`` says (proc(5))."""
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        fields[name] = value
    resident, anonymous = (int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))
    return Memory(resident * 1.024e-3, anonymous * 1.024e-3)


def judge(name: str, value: float, limit: float, unit: str = "") -> None:
    """Print a figure against its target."""
    verdict = "ok" if value <= limit else "MISSED"
    print(f"  {name:<52} {value:9.3f}{unit:<3} target <= {limit:g}{unit}  {verdict}")


def describe_machine() -> str:
    """Name processor, cores, load, kernel and Python."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return (
        f"{model}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, "
        f"Linux {platform.release()}, Python {platform.python_version()}"
    )
