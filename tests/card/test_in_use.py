# SPDX-License-Identifier: Apache-2.0
"""The signs by which the kernel shows that somebody holds a VF, and what Portside makes of them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.card.card import FORK, Card
from tests.card.sysfs import bind_vfio, follow, interfaces, read

pytestmark = pytest.mark.card

HOLD = "/project/tests/card/guest/hold_vfio.py"
READ_USAGES = "/project/tests/card/guest/read_usages.py"
NAMESPACE = "pod"


@pytest.fixture
def namespace(card: Card) -> Iterator[str]:
    """A network namespace, as a pod's; its physical interfaces go back with its end."""
    card.run("ip", "netns", "add", NAMESPACE)
    yield NAMESPACE
    card.run("ip", "netns", "delete", NAMESPACE)


def read_usages(card: Card) -> dict[str, dict[str, Any]]:
    usages: dict[str, dict[str, Any]] = json.loads(card.run(*FORK, READ_USAGES))
    return usages


def read_verdicts(card: Card) -> dict[str, str]:
    return {address: usage["availability"] for address, usage in read_usages(card).items()}


def test_enable_tells_whether_a_process_has_the_vf_open(card: Card, vfs: tuple[str, ...]) -> None:
    held, free = vfs
    for vf in vfs:
        bind_vfio(card, vf)
        assert follow(card, vf, "driver") == "vfio-pci"
        assert interfaces(card, vf) == []
        assert read(card, vf, "enable") == "0"
    assert read_verdicts(card) == {held: "free", free: "free"}
    with card.holding("python3", HOLD, held):
        assert read(card, held, "enable") == "1"
        assert read(card, free, "enable") == "0"
        usages = read_usages(card)
    assert (usages[held]["availability"], usages[free]["availability"]) == ("in use", "free")
    # A process is named by the kernel's short name and its number.
    assert any(re.fullmatch(r"python3 \d+", user) for user in usages[held]["users"])
    assert read(card, held, "enable") == "0"
    assert read_verdicts(card) == {held: "free", free: "free"}


def test_a_vf_in_a_network_namespace_shows_no_interface(
    card: Card, vfs: tuple[str, ...], namespace: str
) -> None:
    moved, stays = vfs
    (name,) = interfaces(card, moved)
    card.run("ip", "link", "set", name, "netns", namespace)
    card.run("ip", "-n", namespace, "link", "show", name)
    assert interfaces(card, moved) == []
    assert follow(card, moved, "driver") == "igbvf"
    assert len(interfaces(card, stays)) == 1
    assert read_verdicts(card) == {moved: "in use", stays: "free"}


def test_a_vf_whose_interface_is_up_is_in_use(card: Card, vfs: tuple[str, ...]) -> None:
    up, down = vfs
    assert read_verdicts(card) == {up: "free", down: "free"}
    (name,) = interfaces(card, up)
    card.run("ip", "link", "set", name, "up")
    assert read_verdicts(card) == {up: "in use", down: "free"}


def test_a_vf_in_a_bond_is_in_use_though_it_is_down(card: Card, vfs: tuple[str, ...]) -> None:
    enslaved, free = vfs
    (name,) = interfaces(card, enslaved)
    card.run("ip", "link", "add", "uplink", "type", "bond")
    try:
        card.run("ip", "link", "set", name, "master", "uplink")
        card.run("ip", "link", "set", name, "down")
        usages = read_usages(card)
    finally:
        card.run("ip", "link", "delete", "uplink")
    assert (usages[enslaved]["availability"], usages[free]["availability"]) == ("in use", "free")
    assert usages[enslaved]["users"] == ["in uplink"]
