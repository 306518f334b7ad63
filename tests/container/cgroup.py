# SPDX-License-Identifier: Apache-2.0
"""What the kernel charges a process's control group, in either version of cgroups."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes.

    Args:
        working_set: what kubelet reports and evicts by: the usage without idle page cache.
        limit: at more than this the kernel kills.
        anonymous: resident memory of the process that no file backs; growth here is a leak.
    """

    working_set: int
    limit: int
    anonymous: int


def read_memory(pid: int) -> Memory:
    """Observe a process and its control group."""
    group, version = _memory_group(pid)
    usage, limit, idle = (
        ("memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file")
        if version == 1
        else ("memory.current", "memory.max", "inactive_file")
    )
    return Memory(
        working_set=int((group / usage).read_text()) - _table(group / "memory.stat", " ")[idle],
        limit=int((group / limit).read_text()),
        anonymous=_table(Path(f"/proc/{pid}/status"), ":")["RssAnon"] * 1024,
    )


def _memory_group(pid: int) -> tuple[Path, int]:
    """Return the directory that accounts for the memory of ``pid``, and the version."""
    groups = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    for _, controllers, path in groups:
        if "memory" in controllers.split(","):
            return _mount_of("memory") / path.lstrip("/"), 1
    path = next(path for number, _, path in groups if number == "0")
    return _mount_of(None) / path.lstrip("/"), 2


def _mount_of(controller: str | None) -> Path:
    for line in Path("/proc/mounts").read_text().splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == ("cgroup" if controller else "cgroup2") and (
            controller is None or controller in options.split(",")
        ):
            return Path(where)
    raise AssertionError(f"no mount of cgroups for {controller or 'version 2'}")


def _table(path: Path, separator: str) -> dict[str, int]:
    """Read ``name value`` lines whose value begins with a number."""
    table = {}
    for line in path.read_text().splitlines():
        name, _, rest = line.partition(separator)
        words = rest.split()
        if words and words[0].isdecimal():
            table[name] = int(words[0])
    return table
