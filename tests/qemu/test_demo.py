# SPDX-License-Identifier: Apache-2.0
"""``portside demo`` as a user runs it."""

import os
import signal
import subprocess
import sys
import time
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


@pytest.mark.usefixtures("libvirt")
def test_ended_early_it_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603 -- our own command
        DEMO, stdout=subprocess.DEVNULL, env={**WIDE, "TMPDIR": str(tmp_path)}
    ) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(children(process.pid)):
            time.sleep(0.05)
        started = list(children(process.pid))
        assert started
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
    assert not [pid for pid in started if Path("/proc", str(pid)).exists()]
    assert list(tmp_path.iterdir()) == []


def children(parent: int) -> list[int]:
    """Processes that ``parent`` started: the hook among them."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in listed.split()]
