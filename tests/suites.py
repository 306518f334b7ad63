# SPDX-License-Identifier: Apache-2.0
"""Trees of Debian suites, built once and kept in the user's cache directory."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.support import missing

SCRIPTS = Path(__file__).parents[1] / "scripts"


def machine_suite() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base, "portside")


def suite_tree(suite: str, listed: str, purpose: str) -> Path:
    """Return the tree of ``suite`` with the packages of ``scripts/apt/LISTED``.

    It is built if there is none of this recipe yet. ``purpose`` begins the reason for a skip.
    """
    if os.geteuid() != 0:
        missing(f"{purpose} runs in a chroot, which needs root")
    script, packages = SCRIPTS / "suite-tree", SCRIPTS / "apt" / listed
    recipe = script.read_bytes() + packages.read_bytes()
    digest = hashlib.sha256(recipe).hexdigest()[:12]
    tree = cache_root() / f"{packages.stem}-{digest}"
    if not tree.exists():
        if shutil.which("mmdebstrap") is None:
            missing(f"{purpose} needs mmdebstrap to build its tree")
        _build([str(script), suite, str(packages), str(tree)], tree)
    return tree


def _build(command: list[str], tree: Path) -> None:
    tree.parent.mkdir(parents=True, exist_ok=True)
    # Two test runs at once must not build into the same directory.
    with tree.with_name(f"{tree.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(  # noqa: S603 -- our own script with our own arguments
            command, capture_output=True, text=True, check=False
        )
    if done.returncode != 0:
        missing(f"the tree {tree.name} cannot be built: {done.stderr.strip()[-2000:]}")
