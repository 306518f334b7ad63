# SPDX-License-Identifier: Apache-2.0
"""``card``: the VM with two emulated SR-IOV cards, booted once; ``vfs``: two VFs of the first."""

import time
from collections.abc import Iterator

import pytest

from tests.card.card import Card, boot
from tests.card.parts import build_parts
from tests.card.sysfs import FIRST, make_vfs, shell

MEASURED = pytest.StashKey[list[str]]()

# There is no systemd, cgroup or AppArmor to work with, and nobody but root.
LIBVIRTD = """\
set -e
cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
END
# libvirt says that the host cannot pass devices through, and does not load it.
modprobe vfio-pci
virtlogd --daemon
libvirtd --daemon
"""


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Card]:
    """Boot the VM; it ends with the tests, however they end."""
    began = time.monotonic()
    parts = build_parts()
    built = time.monotonic()
    with boot(parts, tmp_path_factory.mktemp("card")) as card:
        pytestconfig.stash[MEASURED] = [
            f"parts: {built - began:.1f} s",
            f"boot: {time.monotonic() - built:.1f} s",
            card.versions(),
        ]
        yield card


@pytest.fixture(scope="session")
def libvirt(card: Card) -> None:
    """libvirtd in the VM, with QEMU as root; it ends with the VM."""
    shell(card, LIBVIRTD)


@pytest.fixture
def vfs(card: Card) -> tuple[str, ...]:
    """Two fresh VFs of the first card, bound to igbvf; the addresses.

    They stay until the next are made: removing them takes seconds.
    """
    return make_vfs(card, FIRST, 2)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show what the VM was and what it took."""
    if lines := config.stash.get(MEASURED, []):
        terminalreporter.section("the emulated card")
        for line in lines:
            terminalreporter.line(line)
