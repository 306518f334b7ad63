# SPDX-License-Identifier: Apache-2.0
"""Runs commands: most in this process, where a process of its own is not the point."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from sidecar.cli.main import main
from tests.support import RECORDINGS

ROOT = Path(__file__).parents[3]
DOMAIN = RECORDINGS / "nic4" / "pass2-to-hook.xml"
VMI = RECORDINGS / "nic4" / "pass2-vmi.json"


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: bytes
    stderr: bytes


def run(*arguments: str | Path, stdin: bytes = b"") -> Done:
    """Run ``portside`` here, with streams of its own, 80 columns wide; a bug of it is raised."""
    given = io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        patch.object(sys, "stdin", given),
        # Whatever terminal the tests have, its width is not the command's.
        patch.dict(os.environ, {"COLUMNS": "80"}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            code: object = main([str(argument) for argument in arguments])
        except SystemExit as stopped:
            code = stopped.code or 0
    assert isinstance(code, int), code
    written = []
    for stream in (out, err):
        stream.flush()
        buffer = stream.detach()
        assert isinstance(buffer, io.BytesIO)
        written.append(buffer.getvalue())
    return Done(code, *written)


def run_process(
    module: str, *arguments: str | Path, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    """Run a command's module as a shell would run the command."""
    return subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        check=False,
    )


def asking_vmi(interfaces: int) -> bytes:
    """Return the recorded VMI with a total of interfaces."""
    vmi = VMI.read_bytes()
    asking = vmi.replace(
        b'"annotations":{', b'"annotations":{"portside.io/interfaces":"%d",' % interfaces, 1
    )
    assert asking != vmi
    return asking
