# SPDX-License-Identifier: Apache-2.0
"""A guest that holds a VF keeps it, running or suspended, whatever is asked of its pool."""

import json
from collections.abc import Iterator

import pytest

from tests.card.card import PORTSIDE, Card
from tests.card.nested import Nested
from tests.card.sysfs import FIRST, follow, interfaces, shell
from tests.card.test_pools import FILE, SECONDS, XML, forget

pytestmark = [pytest.mark.card, pytest.mark.nested]


@pytest.fixture
def pool(card: Card, nested: Nested) -> Iterator[Nested]:
    """A pool that wants more VFs than there are, on the card of the guest's VF."""
    forget(card)
    (name,) = interfaces(card, FIRST)
    shell(card, f'printf %s "$1" >{FILE}', XML.format(pf=name, count=4))
    card.run(*PORTSIDE, "pool", "define", FILE, seconds=SECONDS)
    yield nested
    forget(card)


def refuse(card: Card, *words: str) -> str:
    done = card.attempt(*PORTSIDE, "pool", *words, seconds=SECONDS)
    assert done.code == 1, done
    return done.stderr


def assert_refused(card: Card, nested: Nested, state: str) -> None:
    """Ask for more VFs, and for the removal of those that there are."""
    for command in ("start", "stop"):
        error = refuse(card, command, "sriov-pool")
        assert nested.vf in error
        assert f"domain nested ({state})" in error
        assert "qemu-system-x86" in error
        assert nested.spare not in error
    assert nested.state() == state
    assert follow(card, nested.vf, "driver") == "vfio-pci"


def test_a_running_guest_keeps_its_vf(card: Card, pool: Nested) -> None:
    assert_refused(card, pool, "running")
    assert "up" in pool.ask("cat /sys/class/net/*/operstate")


def test_a_suspended_guest_would_have_hung_the_host_and_does_not(card: Card, pool: Nested) -> None:
    with pool.suspended():
        assert_refused(card, pool, "paused")
        # Nobody waits in the kernel: it answers for both cards, and this at once.
        assert card.run("cat", f"/sys/bus/pci/devices/{FIRST}/sriov_numvfs").strip() == "2"
    assert pool.state() == "running"


def test_what_a_plan_says_of_a_guest_names_it(card: Card, pool: Nested) -> None:
    done = card.attempt(*PORTSIDE, "pool", "plan", "sriov-pool", "-o", "json", seconds=SECONDS)
    assert done.code == 1
    (obstacle,) = json.loads(done.stdout)["obstacles"]
    assert "domain nested" in obstacle["who"]
    assert pool.vf in obstacle["text"]
