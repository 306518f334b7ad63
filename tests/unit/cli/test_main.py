# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

from tests.unit.cli.commands import ROOT, run


def test_help_lists_the_commands() -> None:
    done = run("sidecar.cli", "--help")
    assert done.returncode == 0
    assert {b"hook", b"mutate"} <= set(done.stdout.split())


def test_the_hook_has_help_of_its_own() -> None:
    done = run("sidecar.cli", "hook", "--help")
    assert done.returncode == 0
    assert b"--socket-dir" in done.stdout


def test_an_unknown_command_is_a_usage_error() -> None:
    assert run("sidecar.cli", "nonsense").returncode == 2


def test_without_typer_the_other_commands_say_what_to_install() -> None:
    program = (
        "import sys; sys.modules['typer'] = None; from sidecar.cli.main import main; "
        "sys.exit(main(['mutate']))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], capture_output=True, check=False, cwd=ROOT
    )
    assert done.returncode == 1
    assert b"Install portside[cli]" in done.stderr
