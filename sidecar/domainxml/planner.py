# SPDX-License-Identifier: Apache-2.0
"""The source of controllers that needs nothing: libvirt's rules in Python."""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml import connect
from sidecar.domainxml.buses import Place
from sidecar.domainxml.inventory import take_inventory
from sidecar.domainxml.layout import Layout, add_controllers, lay_out


@dataclass(frozen=True, slots=True)
class Planner:
    """Plans in memory; takes well under a millisecond.

    ``by_launcher``: plan where the ports go, but let virt-launcher's libvirt make them from
    placeholders wherever another call of the hook is certain (the launcher source).
    """

    by_launcher: bool = False

    def lay_out(self, domain: etree._Element) -> Layout:
        """Tell where each device will be; see ``ControllerSource``."""
        return lay_out(take_inventory(domain))

    def extend(self, layout: Layout, ports: int) -> list[Place]:
        """Place so many pluggable placeholders behind all devices; see ``ControllerSource``."""
        express = layout.inventory.express
        device = connect.EXPRESS_DEVICE if express else connect.CONVENTIONAL_DEVICE
        places = [layout.buses.assign(device | connect.HOTPLUG) for _ in range(ports)]
        defined = {controller.index for controller in layout.controllers}
        layout.added += add_controllers(layout.buses, defined)
        return places
