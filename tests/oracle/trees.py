# SPDX-License-Identifier: Apache-2.0
"""Trees of other Debian suites, built once and kept in the user's cache directory."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.support import missing

SCRIPTS = Path(__file__).parents[2] / "scripts"
OTHER_SUITE = {"bookworm": "trixie", "trixie": "bookworm"}
"""The machine's suite -> a suite whose libvirt differs (9.0 in bookworm, 11.3 in trixie)."""


def machine_suite() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base, "portside")


def other_suite_tree() -> Path:
    """Return the tree of the other suite, building it if its recipe has changed."""
    suite = OTHER_SUITE.get(machine_suite())
    if suite is None:
        missing(f"a second libvirt needs Debian {' or '.join(OTHER_SUITE)} as the machine")
    if os.geteuid() != 0:
        missing("a second libvirt runs in a chroot, which needs root")
    recipe = [SCRIPTS / "suite-tree", SCRIPTS / "apt" / f"suite-{suite}.txt"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in recipe)).hexdigest()[:12]
    tree = cache_root() / f"{suite}-{digest}"
    if not tree.exists():
        if shutil.which("mmdebstrap") is None:
            missing("a second libvirt needs mmdebstrap to build its tree")
        build(recipe[0], suite, tree)
    return tree


def build(script: Path, suite: str, tree: Path) -> None:
    tree.parent.mkdir(parents=True, exist_ok=True)
    # Two test runs at once must not build into the same directory.
    with tree.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(  # noqa: S603 -- our own script with our own arguments
            [script, suite, tree], capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        missing(f"the tree of {suite} cannot be built: {done.stderr.strip()[-2000:]}")
