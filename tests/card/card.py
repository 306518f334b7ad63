# SPDX-License-Identifier: Apache-2.0
"""``Card``: run commands in the card's VM and get their results."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.card import vm
from tests.card.parts import Parts

FORK = ("fork",)
"""Runs one of the scripts in ``guest`` in the VM, by a fork of what has loaded its modules."""
PORTSIDE = (*FORK, "portside")
"""Runs ``portside`` likewise."""
BOOT_SECONDS = 180.0
COMMAND_SECONDS = 60.0
# The guest ends a job by itself; this much later nobody there answers any more.
GRACE_SECONDS = 30.0
POLL_SECONDS = 0.02


class CardError(Exception):
    """The VM or a command in it did not do what the test needs."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended.

    Attributes:
        code: exit code; ``timeout`` if it was killed for its time, ``unkillable`` if it lives on.
    """

    code: int | str
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Job:
    """A command in the guest. ``base`` plus a suffix gives its files, as agent.py has them."""

    base: Path
    seconds: float

    def path(self, suffix: str) -> Path:
        return self.base.with_suffix(suffix)


class Card:
    """A running VM with two SR-IOV cards.

    Args:
        process: its QEMU.
        jobs: the folder that it shares with the guest.
    """

    def __init__(self, process: subprocess.Popen[bytes], jobs: Path) -> None:
        self._process = process
        self._jobs = jobs
        self._count = 0

    def run(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> str:
        """Run a command that must succeed; return its output.

        Raises:
            CardError: it failed, or did not end in time.
        """
        done = self.attempt(*arguments, seconds=seconds)
        if done.code != 0:
            raise CardError(f"{arguments}: {done.code}\n{done.stdout}{done.stderr}")
        return done.stdout

    def attempt(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> Finished:
        """Run a command and return how it ended."""
        job = self._start(arguments, seconds)
        return self._finish(job)

    @contextmanager
    def holding(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> Iterator[None]:
        """Run a command that holds something, from its first output on to the block's end."""
        job = self._start(arguments, seconds)
        self._wait(job.path(".stdout"), seconds, filled=True, job=job)
        try:
            yield
        finally:
            job.path(".stop").touch()
            self._finish(job)

    @property
    def shared(self) -> Path:
        """The folder that the guest sees as ``/jobs``; files may be added, of other names."""
        return self._jobs

    def versions(self) -> str:
        """Return the versions of kernel, libvirt and QEMU inside."""
        kernel, libvirt, qemu = (
            self.run(*command).splitlines()[0].strip()
            for command in (["uname", "-r"], ["virsh", "-v"], ["qemu-system-x86_64", "--version"])
        )
        return f"Linux {kernel}, libvirt {libvirt}, {qemu}"

    def wait_until_ready(self) -> None:
        """Wait for the guest's boot."""
        self._wait(self._jobs / "ready", BOOT_SECONDS)

    def _start(self, arguments: Sequence[str], seconds: float) -> Job:
        self._count += 1
        job = Job(self._jobs / f"{self._count}.job", seconds)
        fresh = job.path(".new")
        fresh.write_text(json.dumps({"arguments": arguments, "seconds": seconds}))
        fresh.rename(job.base)
        return job

    def _finish(self, job: Job) -> Finished:
        self._wait(job.path(".done"), job.seconds + GRACE_SECONDS)
        finished = Finished(
            code=json.loads(job.path(".done").read_text())["code"],
            stdout=job.path(".stdout").read_text(),
            stderr=job.path(".stderr").read_text(),
        )
        # The guest lists the folder all the time, and pays for each file in it.
        for suffix in (".job", ".stdout", ".stderr", ".done", ".stop"):
            job.path(suffix).unlink(missing_ok=True)
        return finished

    def _wait(
        self, path: Path, seconds: float, *, filled: bool = False, job: Job | None = None
    ) -> None:
        deadline = time.monotonic() + seconds
        while not path.exists() or (filled and path.stat().st_size == 0):
            if job and job.path(".done").exists():
                raise CardError(f"ended before its first output: {self._finish(job)}")
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CardError(f"no {path.name} after {seconds} s at most\n{self._logs()}")
            time.sleep(POLL_SECONDS)

    def _logs(self) -> str:
        logs = [self._jobs / name for name in ("qemu.log", "console.log")]
        tails = [path.read_text(errors="replace")[-3000:] for path in logs if path.exists()]
        return f"QEMU's exit code: {self._process.poll()}\n" + "\n".join(tails)


@contextmanager
def boot(parts: Parts, jobs: Path, hardware: vm.Hardware | None = None) -> Iterator[Card]:
    """Boot a VM whose jobs lie in ``jobs``, an empty folder; end it with the block."""
    initramfs = Path(shutil.copy(parts.initramfs, jobs / "initramfs"))
    process = vm.start(parts, initramfs, jobs, hardware or vm.Hardware())
    try:
        card = Card(process, jobs)
        card.wait_until_ready()
        yield card
    finally:
        vm.end(process)
