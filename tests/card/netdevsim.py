# SPDX-License-Identifier: Apache-2.0
"""netdevsim for the card's kernel, built once: Debian's kernels do without it."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.card.parts import SUITE
from tests.suites import cache_root, suite_tree
from tests.support import missing

# Without CONFIG_PTP_1588_CLOCK_MOCK it has no clock, which nobody here asks for.
BUILD = """\
set -e
mount --bind "$2" "$1/mnt"
exec chroot "$1" sh -ec '
cd /mnt
tar --extract --xz --strip-components=4 --wildcards --file /usr/src/linux-source-*.tar.xz \
    "linux-source-*/drivers/net/netdevsim/*"
make --silent --jobs="$(nproc)" --directory="/lib/modules/$1/build" M=/mnt \
    CONFIG_NETDEVSIM=m modules
' sh "$3"
"""


def build_netdevsim(version: str) -> Path:
    """Build the module for a kernel, if it is not in the cache; skip if it cannot be built."""
    tree = suite_tree(SUITE, f"cardbuild-{SUITE}.txt", "netdevsim")
    if not (tree / "lib/modules" / version / "build").exists():
        missing(f"netdevsim: {tree.name} has no headers of the card's kernel {version}")
    digest = hashlib.sha256(BUILD.encode()).hexdigest()[:12]
    target = cache_root() / f"{tree.name}-netdevsim-{version}-{digest}.ko"
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(tree, version, target)
    return target


def _build(tree: Path, version: str, target: Path) -> None:
    work = target.with_suffix(".build")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    command = ["unshare", "--mount", "sh", "-c", BUILD, "sh", str(tree), str(work), version]
    done = subprocess.run(  # noqa: S603 -- our own script
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        missing(f"netdevsim cannot be built: {done.stderr.strip()[-2000:]}")
    (work / "netdevsim.ko").rename(target)
    shutil.rmtree(work)
