# SPDX-License-Identifier: Apache-2.0
"""Debian's packages are asked for once, and in any order of targets all are there."""

import re
from pathlib import Path

import pytest

from tests.setup.machine import ROOT, Machine
from tests.suites import machine_suite

LISTS = ROOT / "scripts" / "apt"
NEEDS = ("demo", "lint", "test", "image")
TREES = re.compile(r"(card|cardbuild|suite)-|host\.")
"""Lists of trees that tests build, not of this machine."""
DPKG_QUERY = """#!/bin/sh
for package; do :; done
grep -qx "$package" "{state}" && printf 'install ok installed'
"""
APT_GET = """#!/bin/sh
for word; do case $word in
    update) exit 0 ;;
    -* | install | DPkg::* | Dpkg::*) ;;
    *) echo "$word" >>"{state}" ;;
esac; done
"""


class DebianMachine(Machine):
    """A machine on which root installs packages with apt."""

    def __init__(self, root: Path) -> None:
        """Put apt and dpkg before the real ones."""
        super().__init__(root)
        self.state = root / "packages"
        self.state.touch()
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET)):
            (self.system / name).write_text(text.format(state=self.state))
            (self.system / name).chmod(0o755)
        (self.system / "id").write_text("#!/bin/sh\necho 0\n")
        (self.system / "id").chmod(0o755)

    def packages(self, need: str) -> list[str]:
        """Install what a target needs; return every package asked for so far, in order."""
        done = self.run("scripts/bootstrap", need, PORTSIDE_APT="yes")
        assert done.returncode == 0, done.stderr
        return self.state.read_text().split()


def listed(name: str) -> set[str]:
    words: set[str] = set()
    for path in (LISTS / f"{name}.txt", LISTS / f"{name}-{machine_suite()}.txt"):
        if path.exists():
            lines = path.read_text().splitlines()
            words |= {word for line in lines for word in line.partition("#")[0].split()}
    return words


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each target installs on a machine of its own."""
    root = tmp_path_factory.mktemp
    return {need: set(DebianMachine(root(need)).packages(need)) for need in NEEDS}


@pytest.mark.parametrize("first", NEEDS)
@pytest.mark.parametrize("second", NEEDS)
def test_every_order_installs_all_of_both_once(
    tmp_path: Path, alone: dict[str, set[str]], first: str, second: str
) -> None:
    machine = DebianMachine(tmp_path)
    machine.packages(first)
    asked = machine.packages(second)
    assert sorted(asked) == sorted(alone[first] | alone[second])


def test_each_target_gets_what_it_calls(alone: dict[str, set[str]]) -> None:
    venv = {"python3", "python3-venv", "gcc", "libvirt-dev"}
    assert venv <= alone["demo"] & alone["lint"] & alone["test"]

    assert {"libvirt-daemon-driver-qemu", "qemu-system-x86", "libvirt-clients"} <= alone["demo"]
    assert {"buildah", "mmdebstrap"} <= alone["image"]
    assert alone["demo"] | alone["image"] <= alone["test"]


def test_every_list_belongs_to_something(alone: dict[str, set[str]]) -> None:
    names = {path.stem.partition("-")[0] for path in LISTS.iterdir() if not TREES.match(path.name)}
    assert names == {"base", "demo", "image", "test"}
    assert set().union(*alone.values()) == set().union(*map(listed, names))
