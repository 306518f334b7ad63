# SPDX-License-Identifier: Apache-2.0
"""Teaming on a plain hostdev, as the hook's engine writes it, with a guest that pairs."""

import re

import pytest

from tests.card.nested import EVENT_SECONDS, MAC, OTHER_SIDE, PAIRED, Nested

pytestmark = [pytest.mark.card, pytest.mark.nested]

PINGS = 3
# The driver tells the halves apart; the master stands on virtio's device too, and has none.
HALF = "for one in /sys/bus/{}/*/net/*/master; do [ ! -e $one ] || basename ${{one%/master}}; done"
PRIMARY, STANDBY = HALF.format("pci/drivers/igbvf"), HALF.format("virtio/drivers/virtio_net")
SENT = "cat /sys/class/net/$({half})/statistics/tx_packets"


def sent(nested: Nested, half: str) -> int:
    return int(nested.ask(SENT.format(half=half)))


def ping(nested: Nested) -> None:
    """An answer must come; the first may be lost, while a bridge learns where the guest went."""
    nested.ask(f"ping -c {PINGS} -W 5 {OTHER_SIDE} >/dev/null")


def paired(nested: Nested) -> int:
    return len(re.findall(PAIRED, nested.console()))


def test_the_guest_pairs_the_vf_with_its_standby(nested: Nested) -> None:
    log = nested.console()
    for half in ("failover master", "failover standby slave", "failover primary slave"):
        assert re.search(rf"{half}:\S+ registered", log), log


def test_the_mac_address_set_through_the_pf_reaches_the_guest(nested: Nested) -> None:
    folder = f"/sys/class/net/$({PRIMARY})"
    assert nested.ask(f"cat {folder}/address").strip() == MAC
    # 0: the device's own. A VF that its physical function gave none makes one up: 1.
    assert nested.ask(f"cat {folder}/addr_assign_type").strip() == "0"


def test_traffic_takes_the_vf_then_the_standby_then_another_vf(nested: Nested) -> None:
    before = sent(nested, PRIMARY), sent(nested, STANDBY)
    ping(nested)
    assert sent(nested, PRIMARY) - before[0] >= PINGS
    assert sent(nested, STANDBY) - before[1] == 0

    pairs, first = paired(nested), nested.vf
    nested.detach()
    before_standby = sent(nested, STANDBY)
    ping(nested)
    assert sent(nested, STANDBY) - before_standby >= PINGS
    assert nested.ask(PRIMARY) == ""

    nested.swap()
    assert nested.vf != first
    nested.attach()
    nested.wait_for(PAIRED, times=pairs + 1, seconds=EVENT_SECONDS)
    before = sent(nested, PRIMARY), sent(nested, STANDBY)
    ping(nested)
    assert sent(nested, PRIMARY) - before[0] >= PINGS
    assert sent(nested, STANDBY) - before[1] == 0
