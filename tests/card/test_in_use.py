# SPDX-License-Identifier: Apache-2.0
"""The signs by which the kernel shows that somebody holds a VF."""

from collections.abc import Iterator

import pytest

from tests.card.card import Card
from tests.card.sysfs import bind_vfio, follow, interfaces, read

pytestmark = pytest.mark.card

HOLD = "/project/tests/card/guest/hold_vfio.py"
NAMESPACE = "pod"


@pytest.fixture
def namespace(card: Card) -> Iterator[str]:
    """A network namespace, as a pod's; its physical interfaces go back with its end."""
    card.run("ip", "netns", "add", NAMESPACE)
    yield NAMESPACE
    card.run("ip", "netns", "delete", NAMESPACE)


def test_enable_tells_whether_a_process_has_the_vf_open(card: Card, vfs: tuple[str, ...]) -> None:
    held, free = vfs
    for vf in vfs:
        bind_vfio(card, vf)
        assert follow(card, vf, "driver") == "vfio-pci"
        assert interfaces(card, vf) == []
        assert read(card, vf, "enable") == "0"
    with card.holding("python3", HOLD, held):
        assert read(card, held, "enable") == "1"
        assert read(card, free, "enable") == "0"
    assert read(card, held, "enable") == "0"


def test_a_vf_in_a_network_namespace_shows_no_interface(
    card: Card, vfs: tuple[str, ...], namespace: str
) -> None:
    moved, stays = vfs
    (name,) = interfaces(card, moved)
    card.run("ip", "link", "set", name, "netns", namespace)
    assert interfaces(card, moved) == []
    assert follow(card, moved, "driver") == "igbvf"
    assert len(interfaces(card, stays)) == 1
    card.run("ip", "-n", namespace, "link", "show", name)
