# SPDX-License-Identifier: Apache-2.0
"""Hostdev networks of a real libvirt, through our code."""

import json
import xml.etree.ElementTree as ET

import pytest

from tests.card.card import FORK, Card
from tests.card.guests import forget_all
from tests.card.sysfs import FIRST, interfaces

pytestmark = pytest.mark.card

NETWORKS = "/project/tests/card/guest/networks.py"


@pytest.mark.usefixtures("libvirt")
def test_a_hostdev_network_lives_and_dies(card: Card, vfs: tuple[str, ...]) -> None:
    forget_all(card)
    (name,) = interfaces(card, FIRST)
    seen = json.loads(card.run(*FORK, NETWORKS, name, seconds=180))
    assert seen["definition"] == {"name": "managed", "pf_name": name, "minimum": 2}
    defined = seen["defined"]
    assert (defined["active"], defined["persistent"], defined["autostart"]) == (False, True, False)
    assert seen["started"] is True
    assert seen["listed"] == ["managed"]
    assert "libvirt cannot start network managed; found " in seen["again"]
    assert "network is already active" in seen["again"]
    assert seen["shown"] == {"name": "managed", "pf_name": "other0", "minimum": 2}
    live = ET.fromstring(seen["live"])
    assert live.findtext("uuid") == defined["uuid"]
    forward = live.find("forward")
    assert forward is not None
    assert [one.attrib["dev"] for one in forward.iter("pf")] == [name]
    # An active one shows the VFs that libvirt found.
    assert len(list(forward.iter("address"))) == len(vfs)
    assert seen["autostart"] == {**defined, "active": True, "autostart": True}
    assert seen["gone"] is True
