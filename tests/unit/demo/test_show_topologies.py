# SPDX-License-Identifier: Apache-2.0
"""The demo draws what KubeVirt would boot, and what it boots with the largest request."""

import io

from rich.console import Console

from sidecar.demo.plug import NO_PORT, Plugged
from sidecar.demo.show import Row, show_topologies
from sidecar.demo.trial import Trial, Way
from tests.support import RECORDINGS


def row(requested: int, way: Way, name: str) -> Row:
    domain = (RECORDINGS / "nic4" / f"{name}.xml").read_bytes()
    return Row(requested, 0, Trial(way, domain, 2, Plugged(0, NO_PORT, ())))


def test_the_largest_request_is_drawn_against_kubevirts_own() -> None:
    out = io.StringIO()
    rows = [
        row(requested, way, name)
        for requested, after in ((9, "final-libvirt"), (3, "pass1-libvirt"))
        for way, name in (
            (Way.BARE, "pass2-libvirt"),
            (Way.KUBEVIRT, "pass1-libvirt"),
            (Way.SIDECAR, after),
        )
    ]
    show_topologies(Console(file=out, width=80), rows)
    text = out.getvalue()
    assert "KubeVirt 1.9\n11 ports: 10 taken, 1 free\n" in text
    assert "with portside: 9 interfaces requested\n14 ports: 10 taken, 4 free\n" in text
    assert "Change: added 3 ports; no device moved" in text
