# SPDX-License-Identifier: Apache-2.0
"""A machine on which nothing of the project was ever set up, and a clone on it.

make, the Makefile and scripts/bootstrap are the real ones. The interpreter is a fake one, so
that nothing is fetched; which package brings which command and module, this machine's real
packages say.
"""

import functools
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FAKE_PYTHON = Path(__file__).with_name("fake_python.py")
PYTHON_VERSION = "3.11.2"
RECORDER = '#!/bin/sh\necho "$0 $*" >>"{log}"\n'


def targets() -> list[str]:
    """Return the Makefile's targets."""
    (line,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return str(line).split()


def project() -> dict[str, Any]:
    settings: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return settings


def requirements() -> set[str]:
    """Return the names of what pyproject.toml asks for, extras included."""
    lines = [*project()["dependencies"]]
    for extra in project()["optional-dependencies"].values():
        lines += extra
    return {canonicalize_name(Requirement(line).name) for line in lines}


@functools.cache
def tools() -> dict[str, str]:
    """Return the commands that pip puts into a venv's ``bin``, each with its package."""
    found = dict.fromkeys(project()["scripts"], "portside")
    for name in requirements():
        for file in metadata.distribution(name).files or ():
            if file.parent.name == "bin":
                found[file.name] = name
    return found


@functools.cache
def modules() -> dict[str, str]:
    """Return the top-level modules of what pyproject.toml asks for, each with its package."""
    found = metadata.packages_distributions()
    wanted = requirements()
    return {
        module: name
        for module, packages in found.items()
        for name in map(canonicalize_name, packages)
        if name in wanted
    }


class Machine:
    """A fresh machine under a directory, with one clone."""

    def __init__(self, root: Path) -> None:
        """Set the machine up: an interpreter, and a clone without ``.venv``."""
        self.system = root / "system"
        self.clone = root / "clone"
        self.calls = root / "calls"
        self.system.mkdir()
        # Run by the real interpreter under its own name: the fake one is first in PATH.
        (self.system / "python3").write_text(f"#!{sys.executable} -IS\n{FAKE_PYTHON.read_text()}")
        (self.system / "python3").chmod(0o755)
        (self.system / "machine.json").write_text(
            json.dumps({"tools": tools(), "modules": modules()})
        )
        self.upgrade_python(PYTHON_VERSION)
        self.clone.mkdir()
        for name in ("Makefile", "README.md", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, self.clone)
        shutil.copytree(ROOT / "scripts", self.clone / "scripts")
        (self.clone / "proto").mkdir()
        for name in ("image", "dist"):
            self.record(self.clone / "scripts" / name)

    @property
    def venv(self) -> Path:
        """The clone's virtual environment."""
        return self.clone / ".venv"

    def record(self, path: Path) -> None:
        """Put a command there that succeeds and leaves a line in ``calls``."""
        path.write_text(RECORDER.format(log=self.calls))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def upgrade_python(self, version: str) -> None:
        """Exchange the system's interpreter, as an upgrade of the system does."""
        (self.system / "version").write_text(version)

    def go_offline(self, *, offline: bool) -> None:
        """Let pip fail from now on, or no longer."""
        mark = self.system / "offline"
        mark.touch() if offline else mark.unlink()

    def run(self, *command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a command in the clone, the machine's interpreter first in ``PATH``."""
        kept = {k: v for k, v in os.environ.items() if k not in {"PYTHON", "MAKEFLAGS", "ARGS"}}
        kept |= {"PATH": f"{self.system}:{os.environ['PATH']}", "PORTSIDE_APT": "no"}
        return subprocess.run(  # noqa: S603 - the clone's own commands
            command,
            cwd=self.clone,
            env=kept | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def make(self, *targets: str, **environment: str) -> str:
        """Run make; return what it printed, or fail with it."""
        done = self.run("make", *targets, **environment)
        said = f"{done.stdout}{done.stderr}"
        assert done.returncode == 0, f"make {' '.join(targets)}:\n{said}"
        return said

    def bootstrap(self, need: str) -> bool:
        """Run scripts/bootstrap; tell whether it installed anything."""
        done = self.run("scripts/bootstrap", need)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return "Installing" in done.stdout

    def installed(self) -> dict[str, str]:
        """Return the packages in ``.venv``, each with its version."""
        return {path.name: path.read_text().strip() for path in self.venv.glob("lib/*/*")}

    def marked(self) -> set[str]:
        """Return the extras that ``.venv`` is marked with; none without a mark."""
        mark = self.venv / ".installed"
        return set(mark.read_text().splitlines()[1].split()) if mark.exists() else set()
