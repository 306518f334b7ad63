# SPDX-License-Identifier: Apache-2.0
"""The card's VM as a process: QEMU under TCG, in its tree, in a mount namespace of its own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.card.parts import PROJECT, Parts

SHARES = {"root": True, "project": True, "packages": True, "jobs": False}
"""Mount tag -> whether the guest only reads it."""
HERE = "/run/card"
END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Hardware:
    """What may differ from a host that serves VFs well.

    Attributes:
        iommu: whether there is one.
        acs: whether the root ports keep the functions behind them apart; without this, all
            of a card are one IOMMU group.
    """

    iommu: bool = True
    acs: bool = True


# Whatever is mounted goes with QEMU, which this shell becomes: one process id for all of it.
IN_TREE = """\
set -e
tree=$1 project=$2 packages=$3 jobs=$4
shift 4
mount --bind /dev "$tree/dev"
mount -t proc proc "$tree/proc"
mount -t tmpfs tmpfs "$tree/tmp"
mount -t tmpfs tmpfs "$tree/run"
mkdir -p "$tree/run/card/root" "$tree/run/card/project" "$tree/run/card/packages" \
    "$tree/run/card/jobs"
mount --bind "$tree" "$tree/run/card/root"
mount --bind "$project" "$tree/run/card/project"
mount --bind "$packages" "$tree/run/card/packages"
mount --bind "$jobs" "$tree/run/card/jobs"
exec chroot "$tree" "$@"
"""


def start(parts: Parts, initramfs: Path, jobs: Path, hardware: Hardware) -> subprocess.Popen[bytes]:
    """Start QEMU; its messages and the guest's console go to files in ``jobs``.

    Args:
        parts: what it is made of.
        initramfs: ``parts.initramfs``, or a copy of it, inside ``jobs``.
        jobs: folder of this VM alone.
        hardware: what the VM has.
    """
    kernel = f"/{parts.kernel.relative_to(parts.tree)}"
    qemu = qemu_command(kernel, f"{HERE}/jobs/{initramfs.name}", hardware)
    # QEMU dies with the tests however they end, by kill -9 too.
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", IN_TREE, "sh"]
    command += [str(path) for path in (parts.tree, PROJECT, parts.packages, jobs)]
    with (jobs / "qemu.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 -- our own command
            [*command, *qemu],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the tests, which then end this.
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    """End QEMU if it still runs."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def qemu_command(kernel: str, initramfs: str, hardware: Hardware) -> list[str]:
    """Return QEMU's command line: two cards, each behind a root port, joined by a hub."""
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot"]
    command += ["-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "max,la57=off"]
    command += ["-smp", "2", "-m", "4096", "-display", "none"]
    command += ["-kernel", kernel, "-initrd", initramfs]
    # On a busy machine the timer comes too late for the kernel, which would panic.
    command += ["-append", "console=ttyS0 panic=-1 no_timer_check intel_iommu=on"]
    command += ["-serial", f"file:{HERE}/jobs/console.log"]
    if hardware.iommu:
        # First of all devices: the others look for it.
        command += ["-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"]
    acs = "" if hardware.acs else ",disable-acs=on"
    for number in (1, 2):
        command += ["-device", f"pcie-root-port,id=port{number},chassis={number}{acs}"]
        command += ["-netdev", f"hubport,id=net{number},hubid=0"]
        command += ["-device", f"igb,bus=port{number},netdev=net{number}"]
    for tag, read_only in SHARES.items():
        options = f"local,path={HERE}/{tag},mount_tag={tag},security_model=none,multidevs=remap"
        command += ["-virtfs", f"{options},readonly={'on' if read_only else 'off'}"]
    return command
