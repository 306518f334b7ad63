# SPDX-License-Identifier: Apache-2.0
"""What `make image` asks buildah for: names, tags and labels."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sidecar import __version__
from tests.setup.machine import ROOT

FILES = (".dockerignore", "Dockerfile", "README.md", "sidecar/__init__.py", "scripts/image")
FAKE_BUILDAH = '#!/bin/sh\n[ "$1" != bud ] || echo "$*" >>"{log}"\n'
LABEL = "--label org.opencontainers.image."
GIT = ("git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "commit.gpgsign=false")


class Clone:
    """A clone in which scripts/image runs with a buildah that keeps what it is asked."""

    def __init__(self, root: Path) -> None:
        """Copy what scripts/image reads."""
        self._log = root / "asked"
        self._bin = root / "bin"
        self.place = root / "clone"
        for name in FILES:
            (self.place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.place / name)
        self._bin.mkdir()
        (self._bin / "buildah").write_text(FAKE_BUILDAH.format(log=self._log))
        (self._bin / "buildah").chmod(0o755)

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        done = subprocess.run(  # noqa: S603 - git, with our arguments
            [*GIT, *arguments], cwd=self.place, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> str:
        """Make it a git repository with one commit; return its name."""
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-qm", "all")
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run scripts/image, without a git of the surroundings."""
        environment = {
            **os.environ,
            "PATH": f"{self._bin}:{os.environ['PATH']}",
            "GIT_CEILING_DIRECTORIES": str(self.place.parent),
        }
        return subprocess.run(  # noqa: S603 - our own script
            [self.place / "scripts/image", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def asked(self, *arguments: str) -> list[str]:
        """Return what buildah was asked for, one line an image."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return self._log.read_text().splitlines()


def labels(line: str) -> dict[str, str]:
    return dict(re.findall(rf"{re.escape(LABEL)}(\w+)=(\S+)", line))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_every_image_has_its_name_with_the_version_as_tag(clone: Clone) -> None:
    tags = [re.findall(r"--tag (\S+)", line) for line in clone.asked()]
    names = ("portside", "portside-libvirt", "portside-node")
    assert tags == [[f"{name}:{__version__}", f"{name}:latest"] for name in names]


@pytest.mark.parametrize("registry", ["registry.example", "registry.example:5000/a/team/"])
def test_the_registry_stands_before_the_name(clone: Clone, registry: str) -> None:
    (line,) = clone.asked("--target", "node", "--registry", registry)
    assert f"--tag {registry.rstrip('/')}/portside-node:{__version__} " in line


def test_labels_name_version_commit_and_source(clone: Clone) -> None:
    commit = clone.commit()
    found = [labels(line) for line in clone.asked()]
    source = f"swh:1:rev:{commit}"
    assert found == [{"version": __version__, "revision": commit, "source": source}] * 3


def test_the_version_is_the_one_of_the_package(clone: Clone) -> None:
    package = clone.place / "sidecar/__init__.py"
    package.write_text(package.read_text().replace(__version__, "7.8.9"))
    (line,) = clone.asked("--target", "hook")
    assert labels(line)["version"] == "7.8.9"
    assert "--tag portside:7.8.9 " in line


@pytest.mark.parametrize("name", ["README.md", "sidecar/__init__.py", "sidecar/new.py"])
def test_a_change_after_the_commit_is_told(clone: Clone, name: str) -> None:
    commit = clone.commit()
    with (clone.place / name).open("a") as file:
        file.write("\n# changed\n")
    (line,) = clone.asked("--target", "hook")
    assert labels(line)["revision"] == f"{commit}-dirty"


def test_a_new_file_that_no_image_holds_is_no_change(clone: Clone) -> None:
    commit = clone.commit()
    (clone.place / "digest").write_text("sha256:0\n")
    (line,) = clone.asked("--target", "hook")
    assert labels(line)["revision"] == commit


def test_without_git_no_label_names_a_commit(clone: Clone) -> None:
    done = clone.run("--target", "hook")
    assert done.returncode == 0
    assert "no label names the commit" in done.stderr
    assert labels(clone.asked("--target", "hook")[-1]) == {"version": __version__}


@pytest.mark.parametrize(
    ("origin", "source"),
    [
        ("https://git.example/team/portside.git", "https://git.example/team/portside.git"),
        ("https://me:secret@git.example/portside", "https://git.example/portside"),
        ("ssh://git@git.example:2222/portside", "https://git.example/portside"),
        ("git@git.example:team/portside.git", "https://git.example/team/portside.git"),
        ("/home/me/portside", None),
        ("file:///home/me/portside", None),
    ],
)
def test_the_source_is_an_address_for_everybody(
    clone: Clone, origin: str, source: str | None
) -> None:
    commit = clone.commit()
    clone.git("remote", "add", "origin", origin)
    (line,) = clone.asked("--target", "hook")
    assert labels(line)["source"] == (source or f"swh:1:rev:{commit}")
    given = clone.asked("--target", "hook", "--source", "https://other.example/x")[-1]
    assert labels(given)["source"] == "https://other.example/x"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--registry"], "option --registry: no value"),
        (["--registry", "https://registry.example"], "expected HOST[:PORT][/PATH]"),
        (["--registry", "Registry.example"], "in small letters"),
        (["--target", "hok"], "found 'hok', expected hook, libvirt or node"),
        (["--source", "two words"], "expected a URL"),
        (["--tag", "x"], "unknown option --tag"),
    ],
)
def test_wrong_arguments_are_told(clone: Clone, arguments: list[str], reason: str) -> None:
    done = clone.run(*arguments)
    assert done.returncode == 1
    assert reason in done.stderr
