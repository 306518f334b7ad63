# SPDX-License-Identifier: Apache-2.0
"""What a pool's network gives to its guests."""

import pytest

from sidecar.domainxml.profile import Profile, read_profile
from sidecar.errors import RequestError
from sidecar.model.settings import PortVlan
from tests.unit.domainxml.build import refusal

VLAN = "<vlan><tag id='{}'/></vlan>"
FORWARD = "<forward mode='hostdev' managed='yes'><pf dev='eth1'/></forward>"


def network(more: str, forward: str = FORWARD) -> bytes:
    return f"<network><name>p</name>{forward}{more}</network>".encode()


def group(content: str, default: str = "yes") -> str:
    return f"<portgroup name='g' default='{default}'>{content}</portgroup>"


@pytest.mark.parametrize(
    ("xml", "profile"),
    [
        (network(""), Profile(managed=True, vlan=None)),
        (network("", FORWARD.replace("yes", "no")), Profile(managed=False, vlan=None)),
        (network("", FORWARD.replace(" managed='yes'", "")), Profile(managed=False, vlan=None)),
        (network(VLAN.format(42)), Profile(managed=True, vlan=PortVlan(42))),
        # libvirt: the portgroup's goes before the network's.
        (network(VLAN.format(42) + group(VLAN.format(7))), Profile(managed=True, vlan=PortVlan(7))),
        (network(VLAN.format(42) + group("")), Profile(managed=True, vlan=PortVlan(42))),
        (network(group(VLAN.format(7), "no")), Profile(managed=True, vlan=None)),
        (
            network("<vlan trunk='yes'><tag id='1'/><tag id='2'/></vlan>"),
            Profile(managed=True, vlan=None, only_libvirt="a VLAN trunk"),
        ),
        (
            network("<virtualport type='802.1Qbh'/>"),
            Profile(managed=True, vlan=None, only_libvirt="a <virtualport>"),
        ),
        (
            network(group("<virtualport/>")),
            Profile(managed=True, vlan=None, only_libvirt="a <virtualport>"),
        ),
    ],
)
def test_a_network_gives(xml: bytes, profile: Profile) -> None:
    assert read_profile(xml) == profile


@pytest.mark.parametrize("number", ["x", "", "4095"])
def test_a_vlan_that_is_none_is_refused(number: str) -> None:
    assert "VLAN" in str(refusal(RequestError, read_profile, network(VLAN.format(number))))
