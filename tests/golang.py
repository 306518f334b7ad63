# SPDX-License-Identifier: Apache-2.0
"""Go programs for tests, built once and kept in the user's cache directory.

Each lies in a Go module of its own: ``go.mod`` and ``go.sum`` pin what it is built of.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.suites import cache_root
from tests.support import missing

BUILD_SECONDS = 1500
"""A cold build of kube-apiserver takes about ten minutes on two idle cores."""


def go_program(module: Path, package: str, purpose: str, symbols: str = "") -> Path:
    """Return the program of ``package``, building it if there is none of this source yet.

    Args:
        module: the folder with go.mod and go.sum.
        package: what ``go build`` is told to build, "." or an import path.
        purpose: begins the reason for a skip.
        symbols: string variables to set, as the linker's -X takes them.
    """
    go = shutil.which("go")
    if go is None:
        missing(f"{purpose} needs a Go toolchain (Debian: golang-go)")
    # Debian's Go may be older than what go.mod asks for, and then fetches that; Go before 1.21
    # cannot.
    environment = {"GOTOOLCHAIN": "auto", **os.environ, "CGO_ENABLED": "0"}
    version = subprocess.run(  # noqa: S603 - the machine's own compiler
        [go, "version"], cwd=module, env=environment, capture_output=True, text=True, check=False
    )
    if version.returncode != 0:
        missing(f"{purpose}: {go} cannot do with {module / 'go.mod'}: {version.stderr.strip()}")
    program = cache_root() / f"{module.name}-{_digest(module, package + symbols, version.stdout)}"
    program.parent.mkdir(parents=True, exist_ok=True)
    # Two test runs at once build one after the other; the second finds the program.
    with program.with_name(f"{program.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command = ["nice", go, "build", "-trimpath", "-buildvcs=false"]
            command += ["-ldflags", f"-s -w {symbols}", "-o", f"{program}.part", package]
            _build(command, module, environment, purpose)
            Path(f"{program}.part").rename(program)
    return program


def _digest(module: Path, how: str, toolchain: str) -> str:
    sources = sorted(path for path in module.iterdir() if path.suffix in {".go", ".mod", ".sum"})
    texts = [how.encode(), toolchain.encode(), *(path.read_bytes() for path in sources)]
    return hashlib.sha256(b"\0".join(texts)).hexdigest()[:12]


def _build(command: list[str], module: Path, environment: dict[str, str], purpose: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the machine's own compiler
            command,
            cwd=module,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        missing(f"{purpose} was not built within {BUILD_SECONDS} s")
    if done.returncode != 0:
        missing(f"{purpose} cannot be built: {done.stderr.strip()[-2000:]}")
