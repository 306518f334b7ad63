# SPDX-License-Identifier: Apache-2.0
"""The nested guest's kernel, built once from Debian's source, and its initramfs."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.card import initramfs
from tests.suites import cache_root, suite_tree
from tests.support import missing

SUITE = "trixie"
CONFIG = Path(__file__).parent / "guest/nested.config"
INIT = Path(__file__).parent / "guest/nested_init"

# Unpacking takes longer than configuring, and most of the source is drivers that nobody builds.
# Kconfig and make still read their files there.
BUILD = """\
set -e
mount --bind "$2" "$1/mnt"
exec chroot "$1" sh -ec '
cd /mnt
set --
for place in arch/[!x]* drivers/gpu drivers/media drivers/infiniband drivers/scsi \
    drivers/net/wireless drivers/staging drivers/iio drivers/usb sound; do
    set -- "$@" "--exclude=linux-source-*/$place/*.[chS]"
done
tar --extract --xz --strip-components=1 --file /usr/src/linux-source-*.tar.xz \
    --exclude="linux-source-*/tools/testing/*" --exclude="linux-source-*/tools/perf/*" \
    --exclude="linux-source-*/Documentation/*/*" "$@"
make --silent KCONFIG_ALLCONFIG=nested.config allnoconfig
for line in $(grep -v "^#" nested.config); do
    grep -qx "$line" .config || { echo "the kernel does not take $line" >&2; exit 1; }
done
make --silent --jobs="$(nproc)" vmlinux
strip -s -o nested.kernel vmlinux
'
"""


def build_kernel() -> Path:
    """Build the kernel if it is not in the cache; return its path, an ELF file."""
    tree = suite_tree(SUITE, f"cardbuild-{SUITE}.txt", "the nested guest's kernel")
    version = max(path.name for path in (tree / "lib/modules").iterdir())
    digest = hashlib.sha256(CONFIG.read_bytes() + BUILD.encode()).hexdigest()[:12]
    target = cache_root() / f"nested-{version}-{digest}.kernel"
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _build(tree, target)
    return target


def write_initramfs(busybox: Path, target: Path) -> None:
    """Write the nested guest's initramfs: a busybox and its init."""
    files = {"bin/busybox": busybox.read_bytes(), "init": INIT.read_bytes()}
    initramfs.write_archive(target, ("bin", "dev", "proc", "sys"), files)


def _build(tree: Path, target: Path) -> None:
    work = target.with_suffix(".build")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    shutil.copy(CONFIG, work / CONFIG.name)
    command = ["unshare", "--mount", "sh", "-c", BUILD, "sh", str(tree), str(work)]
    done = subprocess.run(  # noqa: S603 -- our own script
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        missing(f"the nested guest's kernel cannot be built: {done.stderr.strip()[-2000:]}")
    (work / "nested.kernel").rename(target)
    shutil.rmtree(work)
