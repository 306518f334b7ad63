# SPDX-License-Identifier: Apache-2.0
"""The demo from start to end."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sidecar.demo.cases import Case
from sidecar.demo.hook import start_hook
from sidecar.demo.show import Row, show_rows, show_topologies, show_verdict
from sidecar.demo.trial import Bench
from sidecar.errors import HostError
from sidecar.virt.connection import open_libvirt
from sidecar.virt.embedded import short_folder

EMULATOR = "qemu-system-x86_64"
"""What starts the demo's own VMs."""


def run_demo(console: Console, case: Case, interfaces: Sequence[int]) -> bool:
    """Play the case for each number of requested interfaces.

    Args:
        console: where to print.
        case: the VM.
        interfaces: totals to request.

    Returns:
        whether every request found its ports.

    Raises:
        HostError: libvirt, QEMU or the hook does not do its part.
    """
    if shutil.which(EMULATOR) is None:
        raise HostError(
            f"there is no {EMULATOR}",
            where="PATH",
            found=os.environ.get("PATH", "nothing"),
            todo="Install QEMU (Debian: qemu-system-x86).",
        )
    with (
        tempfile.TemporaryDirectory(prefix="portside-demo-", dir=short_folder()) as folder,
        open_libvirt() as libvirt,
        start_hook(Path(folder)) as hook,
    ):
        console.print(
            f"[bold]{case.name}[/]: {case.defined} NICs defined, libvirt {libvirt.version}"
        )
        start = time.monotonic()
        versions = hook.info()
        milliseconds = (time.monotonic() - start) * 1000
        console.print(f"Info answered in {milliseconds:.0f} ms: {', '.join(versions)}")
        rows = _rows(console, case, Bench(case, libvirt, hook, Path(folder)), interfaces)
        hook.shutdown()
    show_topologies(console, rows)
    show_rows(console, rows)
    return show_verdict(console, rows)


def _rows(console: Console, case: Case, bench: Bench, interfaces: Sequence[int]) -> list[Row]:
    with console.status("libvirt alone: starting QEMU, plugging NICs"):
        bare = bench.bare()
    with console.status("KubeVirt's own reservation"):
        kubevirt = bench.kubevirt()
    console.print("So that it starts here:", style="dim")
    for change in bare.plugged.changes:
        console.print(f"  {change}", style="dim", highlight=False)
    rows = []
    for requested in interfaces:
        with console.status(f"portside, {requested} interfaces requested"):
            sidecar = bench.sidecar(requested)
        promised = max(0, requested - case.defined)
        rows += [Row(requested, promised, trial) for trial in (bare, kubevirt, sidecar)]
    return rows
