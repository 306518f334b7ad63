# SPDX-License-Identifier: Apache-2.0
"""The settings that igb refuses, on a PF that Linux makes up: netdevsim has no frames to tag."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.card.card import FORK, Card
from tests.card.netdevsim import build_netdevsim
from tests.card.sysfs import shell

pytestmark = pytest.mark.card

APPLY = "/project/tests/card/guest/apply_settings.py"
LOAD = """\
set -e
modprobe psample
modprobe macsec
insmod "$1"
echo "7 1" >/sys/bus/netdevsim/new_device
udevadm settle
echo 4 >/sys/bus/netdevsim/devices/netdevsim7/sriov_numvfs
ls /sys/bus/netdevsim/devices/netdevsim7/net
"""
UNLOAD = """\
echo 7 >/sys/bus/netdevsim/del_device
rmmod netdevsim
"""


@pytest.fixture(scope="module")
def simulated(card: Card) -> Iterator[str]:
    """The interface of a simulated PF with 4 VFs."""
    module = build_netdevsim(card.run("uname", "-r").strip())
    (card.shared / module.name).write_bytes(module.read_bytes())
    yield shell(card, LOAD, f"/jobs/{module.name}").strip()
    shell(card, UNLOAD)


def apply(card: Card, pf: str, *steps: tuple[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    wanted = json.dumps([(pf, index, settings) for index, settings in steps])
    answers: list[dict[str, Any]] = json.loads(card.run(*FORK, APPLY, wanted))
    return answers


def test_link_state_and_both_rates_are_taken_and_read_back(card: Card, simulated: str) -> None:
    wanted: dict[str, Any] = {"link_state": "enable", "min_tx_rate": 10, "max_tx_rate": 100}
    before, whole, lower, state, other = apply(
        card,
        simulated,
        (1, {}),
        (1, wanted),
        (1, {"min_tx_rate": 5}),
        (1, {"link_state": "disable"}),
        (2, {}),
    )
    assert "error" not in before | whole | lower | state | other
    assert whole["settings"] == before["settings"] | wanted
    # Netlink takes both rates together: the one that nobody names stays.
    assert lower["settings"] == whole["settings"] | {"min_tx_rate": 5}
    assert state["settings"] == lower["settings"] | {"link_state": "disable"}
    assert other["settings"] == before["settings"]


def test_the_outer_tag_of_two_is_taken_and_read_back(card: Card, simulated: str) -> None:
    vlan = {"id": 200, "qos": 5, "protocol": "802.1ad"}
    (answer,) = apply(card, simulated, (0, {"vlan": vlan}))
    assert "error" not in answer
    assert answer["settings"]["vlan"] == vlan


def test_a_smallest_rate_above_the_largest_of_before_is_refused(card: Card, simulated: str) -> None:
    before, answer = apply(
        card, simulated, (3, {"max_tx_rate": 100}), (3, {"trust": True, "min_tx_rate": 200})
    )
    assert "refuses min_tx_rate 200 max_tx_rate 100; found EINVAL" in answer["error"]
    assert answer["error"].endswith("All earlier settings were restored")
    assert answer["settings"] == before["settings"]
