# SPDX-License-Identifier: Apache-2.0
"""A VF comes with what its guest asked for and nothing else, and goes without a trace of it."""

import pytest

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.rules.restore import parking_mac, settings_to_apply, settings_to_undo

VF = PciAddress(0, 1, 16, 2)
MAC, OTHER = MacAddress("52:54:00:00:00:01"), MacAddress("52:54:00:00:00:02")
VLAN = PortVlan(42)


@pytest.mark.parametrize(
    ("wanted", "before", "changes"),
    [
        (VfSettings(), VfSettings(), VfSettings()),
        (VfSettings(), VfSettings(OTHER, PortVlan(0), trust=False), VfSettings()),
        (VfSettings(MAC), VfSettings(MAC), VfSettings()),
        (VfSettings(MAC, VLAN, trust=True), VfSettings(OTHER), VfSettings(MAC, VLAN, trust=True)),
        # What the one before had is not the next one's.
        (
            VfSettings(MAC),
            VfSettings(OTHER, VLAN, trust=True),
            VfSettings(MAC, PortVlan(0), trust=False),
        ),
        # Whether a driver that does not tell knows trust at all is not tried.
        (VfSettings(MAC), VfSettings(OTHER, trust=None), VfSettings(MAC)),
    ],
)
def test_what_changes(wanted: VfSettings, before: VfSettings, changes: VfSettings) -> None:
    assert settings_to_apply(wanted, before) == changes


@pytest.mark.parametrize(
    ("done", "before", "back"),
    [
        (VfSettings(), VfSettings(OTHER, VLAN, trust=True), VfSettings()),
        (
            VfSettings(MAC, PortVlan(7), trust=False),
            VfSettings(OTHER, VLAN, trust=True),
            VfSettings(OTHER, VLAN, trust=True),
        ),
        (
            VfSettings(MAC, VLAN, trust=True),
            VfSettings(),
            VfSettings(parking_mac(VF), PortVlan(0), trust=False),
        ),
    ],
)
def test_what_is_put_back(done: VfSettings, before: VfSettings, back: VfSettings) -> None:
    assert settings_to_undo(done, before, VF) == back


def test_each_vf_has_a_parking_place_of_its_own() -> None:
    vfs = [
        PciAddress(domain, bus, slot, function)
        for domain in (0, 1, 256)
        for bus in (0, 1)
        for slot in range(32)
        for function in range(8)
    ]
    assert len({parking_mac(vf) for vf in vfs}) == len(vfs)
    assert str(parking_mac(VF)) == "02:00:00:50:01:82"
