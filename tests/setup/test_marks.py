# SPDX-License-Identifier: Apache-2.0
"""What is installed stays right when the machine, the pins or the clone change."""

import re
from pathlib import Path

import pytest

from tests.setup.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def move_pin(machine: Machine, package: str, version: str) -> None:
    pins = machine.clone / "constraints.txt"
    text, changed = re.subn(
        rf"^{package}==.*$", f"{package}=={version}", pins.read_text(), flags=re.MULTILINE
    )
    assert changed == 1
    pins.write_text(text)


def test_new_pins_reach_what_other_targets_have_installed(machine: Machine) -> None:
    machine.make("test")
    move_pin(machine, "ruff", "99.1")
    machine.make("demo")
    assert machine.installed()["ruff"] == "99.1"
    assert "Installing" not in machine.make("test")


@pytest.mark.parametrize("after", ["demo", "test"])
def test_an_install_that_failed_leaves_no_mark(machine: Machine, after: str) -> None:
    machine.make("demo")
    machine.go_offline(offline=True)
    assert machine.run("make", "test").returncode != 0
    assert machine.marked() == set()
    machine.go_offline(offline=False)
    machine.make(after)
    machine.make("test")


@pytest.mark.parametrize("version", ["3.11.9", "3.13.5"])
@pytest.mark.parametrize("after", ["demo", "test"])
def test_a_system_upgrade_exchanges_the_interpreter(
    machine: Machine, version: str, after: str
) -> None:
    machine.make("test")
    machine.upgrade_python(version)
    assert "Installing" in machine.make(after)
    machine.make("demo", "test")


def test_a_venv_whose_interpreter_is_gone_is_made_anew(machine: Machine) -> None:
    machine.make("test")
    (machine.venv / "bin" / "python").unlink()
    (machine.venv / "bin" / "python").symlink_to("/nowhere/python3")
    machine.make("demo")
    machine.make("test")


def test_another_interpreter_makes_its_own_venv(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Machine(tmp_path / "other")
    other.upgrade_python("3.13.5")
    machine.make("demo")
    machine.make("test", PYTHON=str(other.system / "python3"))
    assert {path.parent.name for path in machine.venv.glob("lib/*/ruff")} == {"python3.13"}
    machine.make("demo")
    machine.make("test")


def test_a_clone_that_was_moved_gets_a_venv_of_its_place(machine: Machine) -> None:
    machine.make("test")
    machine.clone = machine.clone.rename(machine.clone.with_name("moved"))
    machine.make("demo")
    machine.make("test")


def test_a_venv_without_a_mark_is_not_trusted(machine: Machine) -> None:
    machine.make("demo")
    (machine.venv / ".installed").unlink()
    machine.make("test")
    assert "dev" in machine.marked()


def test_a_python_that_is_too_old_is_told(machine: Machine) -> None:
    machine.upgrade_python("3.10.1")
    done = machine.run("make", "demo")
    assert done.returncode != 0
    assert "is Python 3.10.1; expected 3.11 or newer" in done.stderr
