# SPDX-License-Identifier: Apache-2.0
"""``card``: the VM with two emulated SR-IOV cards, booted once; ``vfs``: two VFs of the first.

``nested``: a guest inside it that holds a VF.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.card.card import Card, boot
from tests.card.nested import Nested, run_nested
from tests.card.parts import build_parts
from tests.card.sysfs import FIRST, make_vfs, shell

MEASURED = pytest.StashKey[list[tuple[str, object]]]()
"""What the VM was and what it took."""
VMS = pytest.StashKey[ExitStack]()
"""What ends the VM."""
USERS = pytest.StashKey[int]()
"""Tests to come that need the VM."""

# On two idle processors building the nested guest's kernel takes three minutes, once.
NESTED_SECONDS = 1800

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


def needs(item: pytest.Item, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of the nested guest behind all others of the VM.

    While it runs it holds VFs that others make anew, and a write of ``sriov_numvfs`` hangs then.
    """
    nested = [item for item in items if needs(item, "nested")]
    for item in nested:
        items.remove(item)
        item.add_marker(pytest.mark.timeout(NESTED_SECONDS))
    users = [number for number, item in enumerate(items) if needs(item, "card")]
    behind = users[-1] + 1 if users else len(items)
    items[behind:behind] = nested
    config.stash[USERS] = len(users) + len(nested)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """End the VM with its last test: it takes a third of a processor while nobody asks it."""
    yield
    if needs(item, "card"):
        item.config.stash[USERS] -= 1
        if item.config.stash[USERS] == 0 and VMS in item.config.stash:
            item.config.stash[VMS].close()
            measured = item.config.stash[MEASURED]
            item.user_properties.extend(measured)


@pytest.fixture(scope="session")
def card(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[Card]:
    """Boot the VM; it ends with the last test that needs it, however the tests end."""
    began = time.monotonic()
    parts = build_parts()
    built = time.monotonic()
    with ExitStack() as stack:
        card = stack.enter_context(boot(parts, tmp_path_factory.mktemp("card")))
        pytestconfig.stash[VMS] = stack
        pytestconfig.stash[MEASURED] = [
            ("seconds for the card's parts", round(built - began, 1)),
            ("seconds for its boot", round(time.monotonic() - built, 1)),
            ("in its VM", card.versions()),
        ]
        yield card


@pytest.fixture(scope="session")
def libvirt(card: Card) -> None:
    """libvirtd in the VM, with QEMU as root; it ends with the VM."""
    shell(card, LIBVIRTD)


@pytest.fixture(scope="session")
def nested(card: Card, libvirt: None, pytestconfig: pytest.Config) -> Nested:
    """A guest in the VM that holds a VF, in a team; it ends with the VM.

    Two VFs of the first card are its own. A test leaves it running, with one of them.
    """
    del libvirt
    began = time.monotonic()
    nested = run_nested(card, build_parts().tree / "bin/busybox")
    pytestconfig.stash[MEASURED].append(
        ("seconds for the nested guest", round(time.monotonic() - began, 1))
    )
    return nested


@pytest.fixture
def vfs(card: Card) -> tuple[str, ...]:
    """Two fresh VFs of the first card, bound to igbvf; the addresses.

    They stay until the next are made: removing them takes seconds.
    """
    return make_vfs(card, FIRST, 2)
