# SPDX-License-Identifier: Apache-2.0
"""VLANs as netlink has them, in messages that pyroute2 wrote and read."""

from collections.abc import Mapping
from typing import Any

import pytest
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg

from sidecar.host.vf_attributes import VLAN, decode, describe, encode, to_settings, wanted
from sidecar.model.settings import PortVlan, VfSettings, VlanProtocol

DOT1AD = 0x88A8


def decoded(*attributes: tuple[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    message = ifinfmsg()
    info = ("IFLA_VF_INFO", {"attrs": list(attributes)})
    message["attrs"] = [("IFLA_VFINFO_LIST", {"attrs": [info]})]
    message.encode()
    back = ifinfmsg(bytes(message.data))
    back.decode()
    return decode(back.get_attr("IFLA_VFINFO_LIST").get_attr("IFLA_VF_INFO"))


def plain(number: int, qos: int = 0) -> tuple[str, Mapping[str, Any]]:
    return "IFLA_VF_VLAN", {"vf": 0, "vlan": number, "qos": qos}


def listed(number: int, qos: int, protocol: int) -> tuple[str, Mapping[str, Any]]:
    info = {"vf": 0, "vlan": number, "qos": qos, "proto": protocol}
    return "IFLA_VF_VLAN_LIST", {"attrs": [("IFLA_VF_VLAN_INFO", info)]}


@pytest.mark.parametrize(
    ("attribute", "vlan", "settings", "text"),
    [
        (plain(0), PortVlan(0), PortVlan(0), "vlan none"),
        (plain(100), PortVlan(100), PortVlan(100), "vlan 100 qos 0 802.1Q"),
        # Kept as it is said, so that it can be put back; as a setting it means nothing.
        (plain(0, 3), PortVlan(0, 3), PortVlan(0), "vlan 0 qos 3 802.1Q"),
        (
            listed(7, 5, DOT1AD),
            PortVlan(7, 5, VlanProtocol.DOT1AD),
            PortVlan(7, 5, VlanProtocol.DOT1AD),
            "vlan 7 qos 5 802.1ad",
        ),
        # What no driver would take back counts as not said.
        (plain(4095), None, None, "vlan unknown"),
        (plain(1, 8), None, None, "vlan unknown"),
        (listed(7, 0, 0x9100), None, None, "vlan unknown"),
    ],
)
def test_a_vlan_as_the_driver_says_it(
    attribute: tuple[str, Mapping[str, Any]],
    vlan: PortVlan | None,
    settings: PortVlan | None,
    text: str,
) -> None:
    values = decoded(attribute)
    assert values[VLAN] == vlan
    assert to_settings(values).vlan == settings
    assert describe(VLAN, values[VLAN]) == text


@pytest.mark.parametrize(
    ("vlan", "written"),
    [
        (PortVlan(100, 2), {"vlan": 100, "qos": 2}),
        (PortVlan(0), {"vlan": 0, "qos": 0}),
        (PortVlan(7, 5, VlanProtocol.DOT1AD), [{"vlan": 7, "qos": 5, "proto": DOT1AD}]),
    ],
)
def test_a_vlan_as_it_is_set(vlan: PortVlan, written: object) -> None:
    values = wanted(VfSettings(vlan=vlan), decoded(plain(9)))
    assert values == {VLAN: vlan}
    assert encode(3, VLAN, vlan) == {"vf": 3, "vlan": written}
