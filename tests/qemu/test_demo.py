# SPDX-License-Identifier: Apache-2.0
"""``portside demo`` as a user runs it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "sidecar.cli", "demo"]
WIDE = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}


def run(*arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 -- our own command
        [*DEMO, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**WIDE, **extra},
    )


@pytest.mark.usefixtures("libvirt")
def test_it_shows_that_the_promise_held() -> None:
    done = run("--interfaces", "12")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = [line.split() for line in done.stdout.splitlines()]
    row = next(line for line in lines if line[:2] == ["with", "portside"])
    assert row[3:6] == ["11", "/", "11"]
    alone = next(line for line in lines if line[1:3] == ["libvirt", "alone"])
    assert alone[4:7] == ["1", "/", "11"]
    assert "No more available PCI slots" in done.stdout
    assert "The promise held" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--interfaces", "33"], "32"),
        (["--vmi", "/nonexistent.json"], "--domain"),
        (["--vmi", "/nonexistent.json", "--domain", "/nonexistent.xml"], "/nonexistent.json"),
    ],
)
def test_a_mistake_is_told_in_words(arguments: list[str], words: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("libvirt")
def test_what_the_hook_refuses_is_told_in_words(tmp_path: Path) -> None:
    vmi, domain = tmp_path / "vmi.json", tmp_path / "domain.xml"
    vmi.write_text('{"metadata": {}, "spec": {"domain": {"devices": {}}}}')
    domain.write_text(
        "<domain type='qemu'><name>x</name><memory>1</memory><os><type>hvm</type></os></domain>"
    )
    done = run("--vmi", str(vmi), "--domain", str(domain), "--interfaces", "3")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary directory in which a unix socket's path is not too long."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.usefixtures("libvirt")
def test_a_long_temporary_directory_does_not_matter(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    assert run("--interfaces", "1", TMPDIR=str(long)).returncode == 0


@pytest.mark.usefixtures("libvirt")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_early_it_leaves_nothing_behind(number: signal.Signals, short: Path) -> None:
    with subprocess.Popen(  # noqa: S603 -- our own command
        DEMO,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**WIDE, "TMPDIR": str(short)},
    ) as process:
        deadline = time.monotonic() + 30
        # The disk is made just before libvirt starts QEMU: the signal comes while it does.
        while time.monotonic() < deadline and not list(short.glob("*/nic1-bare/*.img")):
            time.sleep(0.01)
        assert processes_about(short), "the hook should be there"
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert said == ""
    assert processes_about(short) == []
    assert list(short.iterdir()) == []


def processes_about(folder: Path) -> list[str]:
    """Commands that name something below ``folder``: the hook and QEMU, whoever adopted them."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        # A process may end while we look.
        with contextlib.suppress(OSError):
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"{folder}/" in command:
                commands.append(command)
    return commands
