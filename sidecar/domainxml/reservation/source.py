# SPDX-License-Identifier: Apache-2.0
"""Where controllers come from: the middle step of a reservation."""

from typing import Protocol

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.inventory import Inventory
from sidecar.domainxml.addressing.layout import Layout


class ControllerSource(Protocol):
    """Knows where libvirt puts devices, and which controllers it makes for more of them.

    ``by_launcher``: the controllers themselves are made by virt-launcher's libvirt between
    two calls, from placeholders that go out with the domain.
    """

    @property
    def by_launcher(self) -> bool:
        """Whether placeholders go out where a later call is certain."""
        ...

    def lay_out(self, inventory: Inventory) -> Layout:
        """Tell where each device of a domain will be.

        Raises:
            RequestError, CapacityError: libvirt would refuse the domain.
            HostError: the source itself failed.
        """
        ...

    def extend(self, layout: Layout, ports: int) -> list[Place]:
        """Find places for so many more devices, each of which can be plugged and unplugged.

        Grows ``layout``: its buses, and the controllers to add to the domain.

        Raises:
            CapacityError: the machine has no room for so many.
            HostError: the source itself failed.
        """
        ...
