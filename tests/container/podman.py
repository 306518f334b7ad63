# SPDX-License-Identifier: Apache-2.0
"""The image built by scripts/image, run by podman and runc as KubeVirt's pod would run it."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support import missing

ROOT = Path(__file__).parents[2]
TOOLS = ("buildah", "mmdebstrap", "podman", "runc")
QEMU_UID = 107
MEMORY_BYTES = 64_000_000
"""What KubeVirt gives a hook sidecar of a VM with dedicated CPUs."""
POD = (
    "--network=none",
    f"--memory={MEMORY_BYTES}",
    "--cpus=0.2",
    # As strict as it gets: not even podman's own tmpfs on /tmp and /run.
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    f"--user={QEMU_UID}:{QEMU_UID}",
    "--security-opt=no-new-privileges",
)
# Explicit, since podman would ask for more than a container that nests this one may have.
ULIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096")
BUILD_SECONDS = 1500.0
COMMAND_SECONDS = 120.0


def require_tools() -> None:
    """Skip, or fail in CI, where no image can be built or run."""
    if os.geteuid() != 0:
        missing("root builds and runs the image")
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        missing(f"no {', '.join(absent)} here; scripts/bootstrap test installs them")


class Podman:
    """podman with storage, state and settings of its own.

    Args:
        storage: directory for all of it; nothing is written elsewhere.
    """

    def __init__(self, storage: Path) -> None:
        self._storage = storage
        settings = storage / "containers.conf"
        # The default locks live in shared memory, where every other podman would meet them.
        settings.write_text('[engine]\nlock_type = "file"\n')
        self._environment = {**os.environ, "CONTAINERS_CONF": str(settings)}

    def build(self) -> None:
        """Build all images from the work tree."""
        subprocess.run(  # noqa: S603 - our own script
            [ROOT / "scripts/image", "--storage", self._storage, "--base", "mirror"],
            check=True,
            timeout=BUILD_SECONDS,
        )

    def call(self, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run podman; its exit code is the caller's business."""
        own = (
            f"--root={self._storage / 'root'}",
            f"--runroot={self._storage / 'run'}",
            f"--tmpdir={self._storage / 'tmp'}",
            "--storage-driver=vfs",
            "--events-backend=file",
            "--cgroup-manager=cgroupfs",
            # crun, the default, refuses cgroups of both versions side by side.
            "--runtime=runc",
        )
        return subprocess.run(  # noqa: S603 - podman, with arguments of our own
            ["podman", *own, *arguments],  # noqa: S607 - found in PATH by require_tools
            input=given,
            capture_output=True,
            env=self._environment,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def output(self, *arguments: str, given: bytes = b"") -> bytes:
        """Run podman and return its standard output; it must succeed."""
        done = self.call(*arguments, given=given)
        assert done.returncode == 0, (arguments, done.stderr.decode())
        return done.stdout

    def inspect(self, what: str) -> dict[str, Any]:
        """Return podman's description of a container or an image."""
        found: list[dict[str, Any]] = json.loads(self.output("inspect", what))
        return found[0]


class Container:
    """One running hook, in the limits of a virt-launcher pod.

    Args:
        podman: runs it.
        sockets: the directory that virt-launcher shares with the sidecar.
        arguments: what the VMI's annotation adds to the entry point.
    """

    def __init__(self, podman: Podman, sockets: Path, arguments: Sequence[str] = ()) -> None:
        self._podman = podman
        self.socket = sockets / "portside-hook-sidecar-0.sock"
        mount = f"--volume={sockets}:/var/run/kubevirt-hooks"
        name = "--env=CONTAINER_NAME=hook-sidecar-0"
        self._log = sockets.parent / "log"
        kept = ("--log-driver=k8s-file", f"--log-opt=path={self._log}")
        run = ("run", "--detach", *POD, *ULIMITS, *kept, mount, name, "portside", *arguments)
        self.id = podman.output(*run).decode().strip()

    @property
    def state(self) -> dict[str, Any]:
        """Return podman's ``State`` of it."""
        found: dict[str, Any] = self._podman.inspect(self.id)["State"]
        return found

    @property
    def pid(self) -> int:
        """Return the hook's process id, as the host sees it."""
        return int(self.state["Pid"])

    def log(self) -> list[dict[str, Any]]:
        """Return its log; every line must be JSON."""
        # Not by `podman logs`, which mixes warnings of its own in. A line of the file is
        # "<time> <stream> F <text>", or P instead of F where the text goes on in the next.
        text = ""
        for line in self._log.read_text().splitlines():
            _, _, tag, part = line.split(" ", 3)
            text += part + ("\n" if tag == "F" else "")
        return [json.loads(line) for line in text.splitlines()]

    def send(self, signal: str) -> None:
        """Send a signal to the hook."""
        self._podman.output("kill", f"--signal={signal}", self.id)

    def wait(self) -> int:
        """Return the exit code, once it ended."""
        return int(self._podman.output("wait", self.id))

    def remove(self) -> None:
        """End it, if it runs still, and forget it."""
        self._podman.output("rm", "--force", "--time=1", self.id)
