# SPDX-License-Identifier: Apache-2.0
"""The inventory of a large host: 8 PFs with 256 VFs each, made up in memory."""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import describe_machine, judge, median
from sidecar.host.inventory import read_inventory
from sidecar.host.sysfs import Sysfs
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf

PFS = 8
VFS = 256
MILLISECONDS = 150.0
_REPEATS = 20
_TMPFS = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in there


def main() -> None:
    """Measure and print; half of the VFs have an interface, the others vfio-pci.

    This machine's own processes are looked through for holders.
    """
    print(f"inventory: {describe_machine()}")
    with TemporaryDirectory(prefix="portside-", dir=_TMPFS) as folder:
        fake = FakeSysfs(Path(folder) / "sys", [make_pf(number) for number in range(PFS)])
        taken = [time_milliseconds(fake.sysfs()) for _ in range(_REPEATS)]
    processor, wall = (sorted(kind) for kind in zip(*taken, strict=True))
    judge(f"{PFS} PFs with {VFS} VFs each", median(processor), MILLISECONDS, "ms")
    print(f"  on the clock {median(wall):.1f} ms; {_REPEATS} runs, {wall[0]:.1f} to {wall[-1]:.1f}")


def make_pf(number: int) -> FakePf:
    """Return a PF; no two have a bus, a group or a name in common."""
    groups = 1000 * (number + 1)
    vfs = [
        FakeVf(interfaces=[FakeInterface(f"e{number}v{index}")], group=groups + index)
        if index % 2
        else FakeVf("vfio-pci", group=groups + index)
        for index in range(VFS)
    ]
    interfaces = [FakeInterface(f"e{number}", UP, "up")]
    address = f"0000:{16 * (number + 1):02x}:00.0"
    return FakePf(address, interfaces=interfaces, vfs=vfs, totalvfs=VFS, group=groups + VFS)


def time_milliseconds(sysfs: Sysfs) -> tuple[float, float]:
    """Return what a run takes: processor time, to which nobody else adds, and on the clock."""
    wall, processor = time.perf_counter(), time.thread_time()
    inventory = read_inventory(sysfs)
    taken = (time.thread_time() - processor) * 1000, (time.perf_counter() - wall) * 1000
    if len(inventory.signals) != PFS * VFS:
        sys.exit(f"found {len(inventory.signals)} VFs of {PFS * VFS}")
    return taken


if __name__ == "__main__":
    main()
