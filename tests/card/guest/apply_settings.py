# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: apply_settings.py JSON, with Portside's own netlink.

Applies each ``[PF's interface, VF's number, settings]`` of the list, in order; prints for each
``{"settings": ...}``, or ``{"error": text, "settings": ...}``, as they are read afterwards.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from sidecar.cli.pool_data import describe_settings
from sidecar.errors import HostError
from sidecar.host.netlink import apply_settings, read_settings
from sidecar.model.mac import MacAddress
from sidecar.model.settings import LinkState, PortVlan, VfSettings, VlanProtocol


def main() -> None:
    """Read the list, apply, print."""
    steps = json.loads(sys.argv[1])
    json.dump([apply(ifname, index, parse(wanted)) for ifname, index, wanted in steps], sys.stdout)


def apply(ifname: str, index: int, settings: VfSettings) -> dict[str, Any]:
    """Apply and read back."""
    answer: dict[str, Any] = {}
    try:
        apply_settings(ifname, index, settings)
    except HostError as error:
        answer["error"] = str(error)
    try:
        answer["settings"] = describe_settings(read_settings(ifname, index))
    except HostError:
        answer["settings"] = None
    return answer


def parse(wanted: Mapping[str, Any]) -> VfSettings:
    """Read settings as ``describe_settings`` writes them."""
    rest = dict(wanted)
    if "mac" in rest:
        rest["mac"] = MacAddress(rest["mac"])
    if "vlan" in rest:
        vlan = rest["vlan"]
        rest["vlan"] = PortVlan(vlan["id"], vlan["qos"], VlanProtocol(vlan["protocol"]))
    if "link_state" in rest:
        rest["link_state"] = LinkState(rest["link_state"])
    return VfSettings(**rest)


if __name__ == "__main__":
    main()
