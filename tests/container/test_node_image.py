# SPDX-License-Identifier: Apache-2.0
"""The node agent's image, with the privileges that the DaemonSet gives it."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.container.podman import ULIMITS, Podman
from tests.fakes.host import vmi
from tests.manifests import tree
from tests.wire.hookprocess import wait_until
from tests.wire.nodeprocess import call_node

pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]

IMAGE = "portside-node"
(MANIFEST,) = tree.find("DaemonSet", IMAGE)["spec"]["template"]["spec"]["containers"]
ADDED = [name.lower() for name in MANIFEST["securityContext"]["capabilities"]["add"]]
POD = (
    f"--memory={MANIFEST['resources']['limits']['memory'].removesuffix('i').lower()}",
    "--network=none",
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    *(f"--cap-add={name}" for name in ADDED),
    "--security-opt=no-new-privileges",
)


@pytest.fixture
def folder(podman: Podman) -> Iterator[Path]:
    """A running agent's folder: its sockets ``n.sock`` and ``m.sock``, and its state."""
    with tempfile.TemporaryDirectory(prefix="ps-") as base:
        folder = Path(base)
        (folder / "state").mkdir()
        mounts = (f"--volume={folder}:/plugins", f"--volume={folder}/state:/var/lib/portside")
        options = ("--socket=/plugins/n.sock", "--metrics-address=unix:/plugins/m.sock")
        run = ("run", "--detach", "--name=node", *POD, *ULIMITS, *mounts, IMAGE, "--connect=none")
        podman.output(*run, *options)
        try:
            wait_until((folder / "n.sock").is_socket)
            yield folder
        finally:
            podman.output("rm", "--force", "--time=1", "node")


def get(path: Path, page: str) -> bytes:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(path))
        client.sendall(f"GET {page} HTTP/1.0\r\n\r\n".encode())
        return client.makefile("rb").read()


def test_it_serves_hooks_figures_and_health_as_root_with_one_capability(
    podman: Podman, folder: Path, record_property: Callable[[str, object], None]
) -> None:
    call_node(folder / "n.sock", "PreVMStart", vmi("plain"))
    call_node(folder / "n.sock", "PostVMStop", vmi("plain"))
    assert get(folder / "m.sock", "/readyz").endswith(b"\r\n\r\nok\n")
    assert b"portside_inventory_readable 1.0" in get(folder / "m.sock", "/metrics")
    status = Path(f"/proc/{podman.inspect('node')['State']['Pid']}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    # CAP_NET_ADMIN is number 12 in linux/capability.h.
    assert (int(fields["CapEff"], 16), fields["Uid"].split()[0]) == (1 << 12, str(os.getuid()))
    record_property("memory of the node agent", fields["VmRSS"].strip())


def test_a_signal_ends_it_and_takes_its_sockets_away(podman: Podman, folder: Path) -> None:
    podman.output("kill", "--signal=TERM", "node")
    assert podman.output("wait", "node").strip() == b"0"
    assert sorted(path.name for path in folder.iterdir()) == ["state"]


def test_it_has_what_the_loop_needs(podman: Podman, folder: Path) -> None:
    assert folder.is_dir()
    check = "import libvirt, pyroute2; print(libvirt.getVersion())"
    python = ("exec", "node", "/opt/portside/bin/python", "-c", check)
    assert int(podman.output(*python)) >= 11_000_000
