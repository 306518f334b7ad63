# SPDX-License-Identifier: Apache-2.0
"""What igb takes of a VF's settings and what it refuses, by Portside's own netlink."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.card.card import FORK, PORTSIDE, Card
from tests.card.sysfs import DEVICES, FIRST, SECOND, interfaces, make_vfs, shell

pytestmark = pytest.mark.card

APPLY = "/project/tests/card/guest/apply_settings.py"
MAC, OTHER_MAC = "02:00:00:00:00:11", "02:00:00:00:00:22"
VLAN: dict[str, Any] = {"id": 100, "qos": 3, "protocol": "802.1Q"}
NO_VLAN = {"id": 0, "qos": 0, "protocol": "802.1Q"}
FRESH: dict[str, Any] = {
    "vlan": NO_VLAN,
    "trust": False,
    "spoofchk": True,
    "link_state": "auto",
    "min_tx_rate": 0,
    "max_tx_rate": 0,
}
NAMESPACE = "tenant"
# The command is long in starting where nothing of Python's own is compiled yet.
SECONDS = 180.0

REBIND = """\
set -e
basename "$1" >/sys/bus/pci/drivers/igbvf/unbind
basename "$1" >/sys/bus/pci/drivers/igbvf/bind
udevadm settle
"""
# The VF's netdev goes to a namespace, as a tenant's; the other card's PF gets the peer.
JOIN = """\
set -e
ip netns add "$1"
ip link set "$2" netns "$1"
ip -n "$1" address add 192.0.2.1/24 dev "$2"
ip -n "$1" link set "$2" up
ip link set "$3" up
ip link add link "$3" name tagged type vlan id 100
ip link set tagged up
"""
PING = """\
ip address flush dev tagged
ip address flush dev "$2"
ip address add 192.0.2.2/24 dev "$1"
busybox ping -c 5 -w 15 -I "$1" 192.0.2.1
"""


def apply(card: Card, *steps: tuple[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Apply settings to VFs of the first card, in order."""
    (pf,) = interfaces(card, FIRST)
    wanted = json.dumps([(pf, index, settings) for index, settings in steps])
    answers: list[dict[str, Any]] = json.loads(card.run(*FORK, APPLY, wanted))
    return answers


@pytest.mark.usefixtures("vfs")
def test_igb_takes_mac_vlan_trust_spoofchk_and_the_largest_rate(card: Card) -> None:
    wanted: dict[str, Any] = {
        "mac": MAC,
        "vlan": VLAN,
        "spoofchk": False,
        "trust": True,
        "max_tx_rate": 100,
    }
    before, one, rest, back, other = apply(
        card,
        (0, {}),
        (0, {"mac": OTHER_MAC}),
        (0, wanted),
        (0, {"vlan": NO_VLAN, "trust": False, "spoofchk": True, "max_tx_rate": 0}),
        (1, {}),
    )
    assert "error" not in before | one | rest | back | other
    assert before["settings"] | FRESH == before["settings"]
    assert one["settings"] == before["settings"] | {"mac": OTHER_MAC}
    assert rest["settings"] == before["settings"] | wanted
    assert back["settings"] == FRESH | {"mac": MAC}
    assert other["settings"] == FRESH | {"mac": other["settings"]["mac"]}


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ({"link_state": "enable"}, "refuses link_state enable; found ENOTSUP "),
        ({"min_tx_rate": 10}, "refuses min_tx_rate 10 max_tx_rate 0; found EINVAL "),
        ({"max_tx_rate": 100_000}, "refuses min_tx_rate 0 max_tx_rate 100000; found EINVAL "),
        (
            {"vlan": VLAN | {"protocol": "802.1ad"}},
            "refuses vlan 100 qos 3 802.1ad; found EPROTONOSUPPORT ",
        ),
    ],
)
@pytest.mark.usefixtures("pair")
def test_what_igb_refuses_leaves_the_vf_as_it_was(
    card: Card, refused: dict[str, Any], says: str
) -> None:
    before, answer = apply(card, (0, {}), (0, {"mac": OTHER_MAC, "trust": True, **refused}))
    assert answer["error"].startswith(f"VF 0 of PF {interfaces(card, FIRST)[0]}: driver igb {says}")
    assert answer["error"].endswith("All earlier settings were restored")
    assert answer["settings"] == before["settings"]


@pytest.mark.usefixtures("pair")
def test_a_vf_that_does_not_exist_is_named(card: Card) -> None:
    (answer,) = apply(card, (7, {"trust": True}))
    assert "VF 7 of PF" in answer["error"]
    assert "found VFs 0 to 1" in answer["error"]


def test_the_command_changes_a_free_vf_and_no_other(card: Card, vfs: tuple[str, ...]) -> None:
    free, used = vfs
    (name,) = interfaces(card, used)
    card.run("ip", "link", "set", name, "up")
    words = (*PORTSIDE, "vf", "set")
    done = json.loads(card.run(*words, free, "--vlan", "100", "-o", "json", seconds=SECONDS))
    assert (done["before"]["vlan"]["id"], done["after"]["vlan"]["id"]) == (0, 100)
    refused = card.attempt(*words, used, "--vlan", "100", seconds=SECONDS)
    assert refused.code == 1
    assert f"{name} is up" in refused.stderr
    (answer,) = apply(card, (1, {}))
    assert answer["settings"]["vlan"] == NO_VLAN


def test_a_mac_address_reaches_the_interface_at_the_next_bind(
    card: Card, vfs: tuple[str, ...]
) -> None:
    def address() -> str:
        return shell(card, 'cat "$1"/net/*/address', f"{DEVICES}/{vfs[0]}").strip()

    first = address()
    (answer,) = apply(card, (0, {"mac": MAC}))
    assert answer["settings"]["mac"] == MAC
    assert address() == first != MAC
    shell(card, REBIND, vfs[0])
    assert address() == MAC


@pytest.fixture(scope="module")
def pair(card: Card) -> tuple[str, ...]:
    """Two VFs for tests that leave them as they were: making VFs takes seconds."""
    return make_vfs(card, FIRST, 2)


@pytest.fixture
def tenant(card: Card, vfs: tuple[str, ...]) -> Iterator[str]:
    """The second card's PF; the first VF, in VLAN 100, is in a network namespace."""
    (answer,) = apply(card, (0, {"mac": MAC, "vlan": VLAN | {"qos": 0}}))
    assert "error" not in answer
    shell(card, REBIND, vfs[0])
    (name,), (peer,) = interfaces(card, vfs[0]), interfaces(card, SECOND)
    try:
        shell(card, JOIN, NAMESPACE, name, peer)
        yield peer
    finally:
        shell(card, 'ip link delete tagged; ip netns delete "$1"', NAMESPACE)
        card.run("ip", "address", "flush", "dev", peer)


def test_the_card_tags_the_frames_of_a_vf_in_a_vlan(card: Card, tenant: str) -> None:
    assert card.attempt("sh", "-c", PING, "sh", "tagged", tenant).code == 0
    untagged = card.attempt("sh", "-c", PING, "sh", tenant, tenant)
    assert "100% packet loss" in untagged.stdout
    # The same wire carries it once the card tags no more: the refusal was the tag's.
    (answer,) = apply(card, (0, {"vlan": NO_VLAN}))
    assert "error" not in answer
    assert card.attempt("sh", "-c", PING, "sh", tenant, tenant).code == 0
