# SPDX-License-Identifier: Apache-2.0
"""Runs in the card VM: networks.py PF. Manages a hostdev network and tells what came of it."""

import dataclasses
import json
import sys
from typing import Any

from sidecar.domainxml.network import read_network, write_minimum
from sidecar.errors import HostError
from sidecar.virt.connection import open_libvirt
from sidecar.virt.networks import Networks

POOL = """\
<network>
  <name>managed</name>
  <forward mode='hostdev' managed='yes'><pf dev='{pf}'><vf num='2'/></pf></forward>
</network>
"""


def main() -> None:
    """Take the network through its life; print what is seen on the way."""
    definition, network = read_network(POOL.format(pf=sys.argv[1]).encode())
    seen: dict[str, Any] = {"definition": dataclasses.asdict(definition)}
    with open_libvirt("qemu:///system") as libvirt:
        networks = Networks(libvirt)
        seen["defined"] = dataclasses.asdict(networks.define(network))
        networks.start("managed")
        seen["started"] = networks.is_active("managed")
        seen["listed"] = [one.name for one in networks.list() if one.active]
        seen["again"] = refusal(networks)
        # Defined anew while it is active: that counts from the next start.
        networks.define(POOL.format(pf="other0").replace("<vf num='2'/>", "").encode())
        inactive = networks.xml("managed", inactive=True)
        seen["shown"] = dataclasses.asdict(read_network(write_minimum(inactive, 2))[0])
        seen["live"] = networks.xml("managed").decode()
        networks.set_autostart("managed", autostart=True)
        seen["autostart"] = dataclasses.asdict(networks.find("managed") or Never())
        networks.destroy("managed")
        networks.undefine("managed")
        seen["gone"] = networks.find("managed") is None
    sys.stdout.write(json.dumps(seen))


@dataclasses.dataclass
class Never:
    """Stands where there must be a network."""


def refusal(networks: Networks) -> str:
    """Start what is started; return libvirt's words."""
    try:
        networks.start("managed")
    except HostError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
