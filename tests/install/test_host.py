# SPDX-License-Identifier: Apache-2.0
"""docs/install.md, command by command, on minimal Debians, from what ``make dist`` made."""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import sidecar
from tests.suites import suite_tree
from tests.support import missing

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/install.md"
PACKAGES = "host.txt"
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"

Run = Callable[[str], str]


def commands(heading: str) -> list[str]:
    """Return the commands of a section's first block."""
    section = PAGE.read_text().partition(f"\n## {heading}\n")[2]
    match = re.search(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert match, f"no block under {heading}"
    return match[1].splitlines()


def call(*command: str | Path, **more: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own commands
        command, capture_output=True, text=True, check=False, env={**os.environ, **more}
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make dist`` makes."""
    folder = tmp_path_factory.mktemp("dist")
    call(ROOT / "scripts/dist", folder)
    return folder


@pytest.fixture(params=["bookworm", "trixie"])
def host(request: pytest.FixtureRequest, tmp_path: Path, dist: Path) -> Iterator[tuple[Run, Path]]:
    """A minimal Debian with the files in /root/dist: what runs a line there, and its root."""
    if shutil.which("unshare") is None:
        missing("needs unshare")
    tree = suite_tree(request.param, PACKAGES, "an installed host")
    upper, work, root = (tmp_path / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir()
    with ExitStack() as stack:
        options = f"lowerdir={tree},upperdir={upper},workdir={work}"
        call("mount", "-t", "overlay", "overlay", "-o", options, root)
        stack.callback(call, "umount", "-R", root)
        for name in ("proc", "sys", "dev"):
            call("mount", "--rbind", "--make-rslave", f"/{name}", root / name)
        shutil.copytree(dist, root / "root/dist")
        # How this machine reaches its package index; a host of yours has its own way.
        for name in ("etc/resolv.conf", "etc/hosts", CERTIFICATES):
            if Path("/", name).exists():
                shutil.copy(Path("/", name).resolve(), root / name)

        def run(line: str) -> str:
            path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
            return call("chroot", root, "/bin/bash", "-ec", line, PATH=path, HOME="/root")

        yield run, root


def files(root: Path) -> set[str]:
    """List files under what an installation may touch."""
    kept = ("etc", "opt", "usr", "var/lib")
    return {
        str(path.relative_to(root))
        for folder in kept
        for path in (root / folder).rglob("*")
        if "__pycache__" not in path.parts
    }


def test_a_host_is_installed_upgraded_and_left_as_it_was(host: tuple[Run, Path]) -> None:
    run, root = host
    before = files(root)
    lines = commands("Install or upgrade")
    assert lines[-1] == "portside doctor"
    for _ in ("install", "upgrade"):
        for line in lines[:-1]:
            said = run(line)
        assert said == f"portside {sidecar.__version__}\n"
    judged = run("portside doctor || [ $? = 1 ]")
    # There is no libvirt in the tree, whatever hardware the machine has.
    assert "libvirt-unreachable" in judged
    for command in ("pool list -c test:///default", "vf list", "lease list -c test:///default"):
        run(f"portside {command}")
    run("portside node --help")
    for line in commands("Start at boot"):
        if not line.startswith("systemctl"):
            run(line)
    unit = (root / "etc/systemd/system/portside-node.service").read_text()
    (start,) = re.findall(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    run(f"test -x {shlex.quote(start)}")
    for line in commands("Remove"):
        if not line.startswith("systemctl"):
            run(line)
    assert files(root) - before == set()


def test_the_packages_are_those_of_the_tree() -> None:
    (line,) = (line for line in commands("Install or upgrade") if line.startswith("apt-get"))
    wanted = {word for word in shlex.split(line)[2:] if not word.startswith("-")}
    listed = (ROOT / "scripts/apt" / PACKAGES).read_text().split()
    assert wanted <= set(listed)


def test_the_same_commit_makes_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    call(ROOT / "scripts/dist", tmp_path)
    first, second = ({f.name: f.read_bytes() for f in d.iterdir()} for d in (dist, tmp_path))
    assert first == second
    assert any(name.endswith(".whl") for name in first)
