# SPDX-License-Identifier: Apache-2.0
"""``pool plan`` for a PF with 256 VFs on a large host, made up in memory.

The whole of it: the PF and its VFs are read, libvirt's test driver is asked for domains and
networks, our records are read, and the start is planned. Only netlink is not asked.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import describe_machine, judge, median
from bench.inventory import PFS, VFS, make_pf
from sidecar.host import netlink
from sidecar.host.holders import PROCFS
from sidecar.pools.context import Node
from sidecar.pools.operations import Pools
from sidecar.state.store import Store
from sidecar.virt.connection import open_libvirt
from tests.fakes.sriov import FakeSysfs

MILLISECONDS = 50.0
_REPEATS = 30
_TMPFS = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in there
_XML = b"""\
<network>
  <name>fast</name>
  <forward mode='hostdev' managed='yes'><pf dev='e3'><vf num='200'/></pf></forward>
</network>
"""


def main() -> None:
    """Measure and print."""
    print(f"plan: {describe_machine()}")
    with TemporaryDirectory(prefix="portside-", dir=_TMPFS) as folder, _host(Path(folder)) as node:
        pools = Pools(node)
        pools.define(_XML)
        taken = [_time_milliseconds(pools) for _ in range(_REPEATS)]
    processor, wall = (sorted(kind) for kind in zip(*taken, strict=True))
    judge(f"plan for a PF with {VFS} VFs", median(processor), MILLISECONDS, "ms")
    print(f"  on the clock {median(wall):.1f} ms; {_REPEATS} runs, {wall[0]:.1f} to {wall[-1]:.1f}")


@contextmanager
def _host(folder: Path) -> Iterator[Node]:
    fake = FakeSysfs(folder / "sys", [make_pf(number) for number in range(PFS)])
    (folder / "node.xml").write_text("<node/>")
    with open_libvirt(f"test://{folder}/node.xml") as libvirt:
        yield Node(
            links=netlink,
            libvirt=lambda: nullcontext(libvirt),
            sysfs=fake.sysfs(),
            proc=PROCFS,
            store=Store(folder / "state"),
            now=lambda: datetime.now(UTC),
        )


def _time_milliseconds(pools: Pools) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.thread_time()
    plan = pools.plan("fast")
    taken = (time.thread_time() - processor) * 1000, (time.perf_counter() - wall) * 1000
    if not plan.notes:
        sys.exit(f"{VFS} VFs are there, and no note says so: {str(plan.obstacles)[:300]}")
    return taken


if __name__ == "__main__":
    main()
