# SPDX-License-Identifier: Apache-2.0
"""Make targets work in any order on a fresh machine."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.setup.machine import ROOT, Machine, project, targets

TARGETS = targets()


@pytest.fixture(scope="module", params=TARGETS)
def after_first(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine on which one target has run."""
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.make(request.param)
    if machine.venv.exists():
        machine.venv.rename(machine.venv.with_name("kept"))
    yield machine
    shutil.rmtree(machine.clone)


@pytest.mark.parametrize("second", TARGETS)
def test_every_target_works_after_every_other(after_first: Machine, second: str) -> None:
    kept = after_first.venv.with_name("kept")
    shutil.rmtree(after_first.venv, ignore_errors=True)
    if kept.exists():
        shutil.copytree(kept, after_first.venv, symlinks=True)
    before = after_first.installed()
    after_first.make(second)
    if second != "clean":
        assert before.items() <= after_first.installed().items()


def packages_of(extras: set[str]) -> set[str]:
    wanted = [*project()["dependencies"]]
    for extra in extras:
        wanted += project()["optional-dependencies"][extra]
    names = {one.partition(">")[0].partition("[")[0] for one in wanted}
    return {canonicalize_name(name) for name in names}


def needs() -> list[str]:
    """Return the words after ``scripts/bootstrap`` in the Makefile that concern Python."""
    found = re.findall(r"scripts/bootstrap (\w+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return sorted({*found} - {"image"})


@pytest.mark.parametrize("first", needs())
@pytest.mark.parametrize("second", needs())
def test_the_mark_tells_what_is_installed(tmp_path: Path, first: str, second: str) -> None:
    machine = Machine(tmp_path)
    assert machine.bootstrap(first)
    after_first = machine.marked()
    names = machine.installed().keys() - {"pip", "setuptools", "portside"}
    assert packages_of(after_first) == names
    assert machine.bootstrap(second) == (machine.marked() != after_first)
    assert after_first <= machine.marked()
    assert not machine.bootstrap(first)
    assert not machine.bootstrap(second)
