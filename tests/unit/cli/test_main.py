# SPDX-License-Identifier: Apache-2.0
import importlib.metadata
import re
import subprocess
import sys
import tomllib

import pytest

from sidecar.cli.main import _EXTRAS
from tests.unit.cli.commands import ROOT, run_process


def test_help_lists_the_commands() -> None:
    done = run_process("sidecar.cli", "--help")
    assert done.returncode == 0
    assert {b"hook", b"mutate"} <= set(done.stdout.split())


def test_the_hook_has_help_of_its_own() -> None:
    done = run_process("sidecar.cli", "hook", "--help")
    assert done.returncode == 0
    assert b"--socket-dir" in done.stdout


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run_process("sidecar.cli", "nonsense").returncode == 2


def run_without(module: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the command in a Python that lacks a module."""
    program = (
        f"import sys; sys.modules[{module!r}] = None; from sidecar.cli.main import main; "
        f"sys.exit(main({list(arguments)!r}))"
    )
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, check=False, cwd=ROOT
    )


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_without_a_module_of_an_extra_the_commands_name_the_extra(module: str) -> None:
    done = run_without(module, "topology")
    assert done.returncode == 1
    assert f"module {module} is not installed".encode() in done.stderr
    assert b"Install the extra portside[cli]" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["sidecar.draw.svg", "json", "lxml"])
def test_a_module_that_no_extra_brings_is_not_blamed_on_one(module: str) -> None:
    done = run_without(module, "topology")
    assert done.returncode == 1
    assert b"ModuleNotFoundError" in done.stderr
    assert b"Install" not in done.stderr


def test_every_module_of_an_extra_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    provided = importlib.metadata.packages_distributions()
    for module, extra in _EXTRAS.items():
        brought = {re.split(r"[><=]", requirement)[0].lower() for requirement in extras[extra]}
        assert brought & {name.lower().replace("_", "-") for name in provided[module]}, module


HEAVY = ("grpc", "google.protobuf", "asyncio", "libvirt", "pyroute2", "prometheus_client")
"""What only few commands need, and each of them loads when it runs."""


def test_no_command_waits_for_what_only_others_need() -> None:
    program = f"import sys, sidecar.cli.app; print(*(sys.modules.keys() & {set(HEAVY)}))"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []
