# SPDX-License-Identifier: Apache-2.0
"""What a VF shows while a real guest holds it, running or suspended."""

import json
import re
from typing import Any

import pytest

from tests.card.card import PORTSIDE, Card
from tests.card.nested import Nested
from tests.card.sysfs import follow, read

pytestmark = [pytest.mark.card, pytest.mark.nested]

LIST = (*PORTSIDE, "vf", "list", "--connect", "none", "-o", "json")
# Python and its modules, emulated, on a busy machine.
SECONDS = 180.0


def list_vfs(card: Card) -> dict[str, dict[str, Any]]:
    listed = json.loads(card.run(*LIST, seconds=SECONDS))
    return {vf["address"]: vf for pf in listed["pfs"] for vf in pf["vfs"]}


def assert_held(card: Card, nested: Nested) -> None:
    vfs = list_vfs(card)
    held, free = vfs[nested.vf], vfs[nested.spare]
    assert (held["driver"], free["driver"]) == ("vfio-pci", "igbvf")
    assert (held["availability"], free["availability"]) == ("in use", "free")
    # The kernel keeps 15 characters of a process's name.
    assert any(re.fullmatch(r"qemu-system-x86 \d+", user) for user in held["users"])


def test_the_inventory_names_the_qemu_of_a_guest_that_holds_a_vf(
    card: Card, nested: Nested
) -> None:
    assert nested.state() == "running"
    assert follow(card, nested.vf, "driver") == "vfio-pci"
    assert read(card, nested.vf, "enable") == "1"
    assert_held(card, nested)


def test_a_suspended_guest_still_holds_its_vf(card: Card, nested: Nested) -> None:
    with nested.suspended():
        assert nested.state() == "paused"
        assert read(card, nested.vf, "enable") == "1"
        assert_held(card, nested)
    assert nested.state() == "running"
