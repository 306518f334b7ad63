# SPDX-License-Identifier: Apache-2.0
"""What the card's VM is made of, built where it is missing and kept in the cache."""

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.card import initramfs
from tests.suites import cache_root, suite_tree
from tests.support import missing

PROJECT = Path(__file__).parents[2]
SUITE = "trixie"
# What a wheel for Debian 13 may say that it needs; pip does not derive the older from the newer.
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")

COMPILE = """\
set -e
mount --bind "$2" "$1/mnt"
exec chroot "$1" python3 -m compileall -q /mnt
"""


@dataclass(frozen=True, slots=True)
class Parts:
    """Paths of everything that the VM starts from."""

    tree: Path
    kernel: Path
    initramfs: Path
    packages: Path
    """What the project needs inside, for the tree's Python."""


def build_parts() -> Parts:
    """Build what is missing, or skip and say what stands against it."""
    if platform.machine() != "x86_64":
        missing("the emulated card needs an x86_64 machine, whose QEMU runs its own tree")
    if shutil.which("setpriv") is None or shutil.which("unshare") is None:
        missing("the emulated card needs setpriv and unshare from util-linux")
    tree = suite_tree(SUITE, f"card-{SUITE}.txt", "the emulated card's QEMU")
    version = max(path.name for path in (tree / "lib/modules").iterdir())
    return Parts(
        tree=tree,
        kernel=tree / "boot" / f"vmlinuz-{version}",
        initramfs=_build_initramfs(tree, version),
        packages=_build_packages(tree),
    )


def _build_initramfs(tree: Path, version: str) -> Path:
    sources = Path(initramfs.__file__).read_bytes() + initramfs.INIT.read_bytes()
    target = cache_root() / f"{tree.name}-{version}-{_digest(sources)}.initramfs"
    if not target.exists():
        initramfs.write_initramfs(tree / "lib/modules" / version, tree / "bin/busybox", target)
    return target


def _build_packages(tree: Path) -> Path:
    """Install the project's pinned requirements for the tree's Python, wheels only."""
    version = (tree / "usr/bin/python3").readlink().name.removeprefix("python")
    constraints = PROJECT / "constraints.txt"
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["cli"], *extras["agent"]]
    # There are no wheels of libvirt-python: it must fit the tree's own libvirt, as Debian's does.
    wanted += [one for one in extras["node"] if not one.startswith("libvirt-python")]
    recipe = "\n".join([version, COMPILE, *wanted, *PLATFORMS]).encode() + constraints.read_bytes()
    target = cache_root() / f"packages-{version}-{_digest(recipe)}"
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            _install(tree, version, [f"--constraint={constraints}", *wanted], target)
    return target


def _install(tree: Path, version: str, requirements: list[str], target: Path) -> None:
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
    command += [f"--python-version={version}", "--implementation=cp"]
    command += [f"--platform={name}" for name in PLATFORMS]
    command += [f"--target={partial}", *requirements]
    done = subprocess.run(  # noqa: S603 -- our own pip with the project's own requirements
        command, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        missing(f"pip cannot install the project's requirements: {done.stderr.strip()[-2000:]}")
    # In the VM, compiling them would take longer than all else.
    compiling = ["unshare", "--mount", "sh", "-c", COMPILE, "sh", str(tree), str(partial)]
    subprocess.run(compiling, check=True)  # noqa: S603 -- our own command
    partial.rename(target)


def _digest(recipe: bytes) -> str:
    return hashlib.sha256(recipe).hexdigest()[:12]
