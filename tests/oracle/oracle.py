# SPDX-License-Identifier: Apache-2.0
"""Two real libvirts as oracles, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.suites import cache_root
from tests.support import missing

WORKER = Path(__file__).with_name("worker.py")

# A mount namespace of its own: whatever is mounted goes with the last process in it.
CHROOT = """\
set -e
mount --bind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/tmp"
mount -t tmpfs tmpfs "$1/run"
exec chroot "$1" /usr/bin/python3 -c "$2" /var/cache/portside-capabilities
"""


class OracleError(Exception):
    """libvirt refused the domain; the text is libvirt's own message."""


class Oracle:
    """One libvirt. ``name`` is ``machine`` or the suite it comes from."""

    def __init__(self, name: str, commands: IO[str], answers: IO[str]) -> None:
        self.name = name
        self._commands = commands
        self._answers = answers
        self.libvirt = unpack(int(self._read()["libvirt"]))

    def define(self, xml: str) -> str:
        """Return libvirt's inactive XML of the domain.

        Raises:
            OracleError: libvirt refused it.
        """
        self._commands.write(json.dumps({"xml": xml}) + "\n")
        self._commands.flush()
        answer = self._read()
        if not answer["ok"]:
            raise OracleError(answer["error"])
        text: str = answer["xml"]
        return text

    def _read(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"the oracle {self.name} has ended; see its stderr above")
        message: dict[str, Any] = json.loads(line)
        return message

    def __repr__(self) -> str:
        return f"{self.name}-libvirt-{'.'.join(map(str, self.libvirt))}"


def unpack(number: int) -> tuple[int, int, int]:
    return number // 1_000_000, number // 1000 % 1000, number % 1000


@contextmanager
def machine_oracle() -> Iterator[Oracle]:
    """The libvirt that this machine has."""
    command = [sys.executable, str(WORKER), str(cache_root() / "oracle-capabilities")]
    with spawn("machine", command) as oracle:
        yield oracle


@contextmanager
def tree_oracle(tree: Path) -> Iterator[Oracle]:
    """The libvirt of another Debian suite, in a chroot."""
    command = ["unshare", "--mount", "sh", "-c", CHROOT, "sh", str(tree), WORKER.read_text()]
    with spawn(tree.name.partition("-")[0], command) as oracle:
        yield oracle


@contextmanager
def spawn(name: str, command: list[str]) -> Iterator[Oracle]:
    with subprocess.Popen(  # noqa: S603 -- our own worker
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("both are pipes, as asked for above")
        try:
            oracle = Oracle(name, process.stdin, process.stdout)
        except RuntimeError:
            missing(f"the libvirt {name!r} does not start; its stderr says why")
        try:
            yield oracle
        finally:
            # The end of its input ends the worker, which removes its directory.
            process.stdin.close()
            process.wait(timeout=30)
