# SPDX-License-Identifier: Apache-2.0
"""``Nested``: a guest inside the card's VM that teams a virtio NIC with a VF.

Its domain comes from the hook's engine, as a VMI's would.
"""

import json
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.card.card import Card, CardError
from tests.card.kernel import build_kernel, write_initramfs
from tests.card.sysfs import FIRST, SECOND, follow, interfaces, make_vfs, shell

DOMAIN = Path(__file__).parent / "guest/nested.xml"
PAIRED = r"failover primary slave:\S+ registered"
"""The guest's kernel says so of a VF that joins the team."""

ASK = "/project/tests/card/guest/ask_nested.py"
SOCKET, CONSOLE = "/run/nested.shell", "/run/nested.console"

MAC = "02:00:00:00:00:aa"
"""Of the team's both halves; nested.xml has it too."""
PARKED_MAC = "02:00:00:00:00:bb"
"""Of the VF that is not in the guest: one card does not serve two VFs of one address."""
OTHER_SIDE = "192.0.2.1"
"""Reached from the guest both by its VF, over the hub to the second card, and by its virtio NIC."""

# Seconds on an idle machine; emulated twice, they are many on a busy one.
BOOT_SECONDS = 240.0
EVENT_SECONDS = 90.0
# The first domain waits until libvirt has probed QEMU.
VIRSH_SECONDS = 300.0

# One network, as a host's uplink and its bridge are: first card - hub - second card - bridge.
LAN = """\
set -e
ip link add lan type bridge
ip link set "$1" master lan up
ip address add "$2/24" dev lan
ip link set lan up
"""


class Nested:
    """The running guest. It holds ``vf``; ``spare`` is a VF of the same card that is free.

    Args:
        card: the VM that it runs in.
        vfs: two VFs, the first of which it gets.
    """

    name = "nested"

    def __init__(self, card: Card, vfs: tuple[str, ...]) -> None:
        self._card = card
        # In the order of their index.
        self._vfs = vfs
        self.vf, self.spare = vfs

    def start(self) -> None:
        """Start the guest with its VF, and wait until the team is there."""
        set_mac(self._card, 0, MAC)
        set_mac(self._card, 1, PARKED_MAC)
        # Nobody loads them on demand here; without vfio-pci, libvirt says that the host cannot
        # pass devices through.
        self._card.run("modprobe", "--all", "vfio-pci", "tun")
        self._virsh("create", self._share("nested.xml", mutate(self.vf)))
        self.wait_for("the nested guest is ready", seconds=BOOT_SECONDS)
        self.wait_for(PAIRED, seconds=EVENT_SECONDS)

    def ask(self, command: str) -> str:
        """Run a shell command in the guest, which must succeed; return its output."""
        return self._card.run("python3", "-I", ASK, SOCKET, command, seconds=EVENT_SECONDS)

    def console(self) -> str:
        """Return all that the guest's console has shown."""
        return self._card.run("cat", CONSOLE)

    def wait_for(self, pattern: str, *, seconds: float, times: int = 1) -> None:
        """Wait until the guest's console has shown the pattern so many times.

        Raises:
            CardError: it has not.
        """
        deadline = time.monotonic() + seconds
        while len(re.findall(pattern, shown := self.console())) < times:
            if time.monotonic() > deadline:
                raise CardError(f"no {pattern!r} {times} times on the nested console:\n{shown}")
            time.sleep(0.5)

    def detach(self) -> None:
        """Unplug the VF, and wait until the host has it back."""
        self._virsh("detach-device", self.name, self._device_file(self.vf), "--live")
        deadline = time.monotonic() + EVENT_SECONDS
        while follow(self._card, self.vf, "driver") != "igbvf":
            if time.monotonic() > deadline:
                raise CardError(f"{self.vf} did not come back:\n{self.console()}")
            time.sleep(0.5)

    def attach(self) -> None:
        """Plug the VF, the same alias again."""
        self._virsh("attach-device", self.name, self._device_file(self.vf), "--live")

    def swap(self) -> None:
        """Let ``vf`` and ``spare`` change places, and their MAC addresses; none may be plugged."""
        self.vf, self.spare = self.spare, self.vf
        set_mac(self._card, self._vfs.index(self.spare), PARKED_MAC)
        set_mac(self._card, self._vfs.index(self.vf), MAC)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Stop the guest's processor for a while; it answers nothing then."""
        self._virsh("suspend", self.name)
        try:
            yield
        finally:
            self._virsh("resume", self.name)

    def state(self) -> str:
        """Return libvirt's word for what the guest does."""
        return self._virsh("domstate", self.name).strip()

    def _device_file(self, vf: str) -> str:
        hostdev = ET.fromstring(mutate(vf)).find("devices/hostdev")
        assert hostdev is not None
        return self._share("nested-vf.xml", ET.tostring(hostdev, "unicode"))

    def _share(self, name: str, text: str) -> str:
        (self._card.shared / name).write_text(text)
        return f"/jobs/{name}"

    def _virsh(self, *arguments: str) -> str:
        return self._card.run("virsh", "--quiet", *arguments, seconds=VIRSH_SECONDS)


def run_nested(card: Card, busybox: Path) -> Nested:
    """Start a nested guest with a VF of the first card."""
    (card.shared / "nested.kernel").write_bytes(build_kernel().read_bytes())
    write_initramfs(busybox, card.shared / "nested.initramfs")
    make_vfs(card, SECOND, 0)
    vfs = make_vfs(card, FIRST, 2)
    (uplink,) = interfaces(card, SECOND)
    shell(card, LAN, uplink, OTHER_SIDE)
    nested = Nested(card, vfs)
    nested.start()
    return nested


def mutate(vf: str) -> str:
    """Return the domain as the hook answers for a VMI with this VF in a team."""
    entry = {"name": "fast", "address": vf, "as": "hostdev", "mac": MAC, "managed": True}
    vmi = {
        "metadata": {
            "name": "nested",
            "annotations": {"portside.io/vfs": json.dumps([entry | {"team": "standby"}])},
        },
        "spec": {
            "domain": {
                "devices": {"interfaces": [{"name": "standby", "bridge": {}, "macAddress": MAC}]}
            },
            "networks": [{"name": "standby", "pod": {}}],
        },
    }
    command = [sys.executable, "-m", "sidecar.cli", "mutate", "--vmi", "-", "--domain"]
    done = subprocess.run(  # noqa: S603 -- our own command with our own arguments
        [*command, str(DOMAIN)], input=json.dumps(vmi), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def set_mac(card: Card, index: int, mac: str) -> None:
    """Set a VF's MAC address through its physical function."""
    (name,) = interfaces(card, FIRST)
    card.run("ip", "link", "set", name, "vf", str(index), "mac", mac)
