# SPDX-License-Identifier: Apache-2.0
"""Where everything is once the controllers of a reservation stand in the domain.

libvirt places all controllers before all devices. Where just root ports went in, behind every
controller that was there, and no device without an address could compete with them for a
slot on bus 0, that order makes no difference: every address is known without another run.
``tests/property`` holds this against one.
"""

from sidecar.domainxml import connect
from sidecar.domainxml.buses import Place
from sidecar.domainxml.layout import Layout


def settle(layout: Layout, tried: list[Place]) -> Layout | None:
    """Return the layout of the domain as it is now, or None if only a run can tell it.

    Args:
        layout: that of the domain before ``layout.added`` went into it, and nothing else;
            used up if a layout is returned.
        tried: places in it that nobody came to take.
    """
    if not _is_order_irrelevant(layout):
        return None
    for place in tried:
        layout.buses.release(place)
    placed = {c.index: c.place for c in layout.added if c.place is not None}
    places = dict(layout.places)
    for controller in layout.added:
        places.pop(controller, None)
    for controller in layout.inventory.controllers:
        if controller.index in placed:
            places[controller] = placed[controller.index]
    return Layout(layout.inventory, layout.buses, places)


def _is_order_irrelevant(layout: Layout) -> bool:
    added = {controller.index for controller in layout.added}
    known = (c.index for c in layout.inventory.controllers if c.index not in added)
    last = max(known, default=-1)
    return (
        layout.inventory.express
        and all(c.model == "pcie-root-port" and c.index > last for c in layout.added)
        and not any(
            device.wanted and (device.function is not None or device.flags & connect.INTEGRATED)
            for device in layout.inventory.devices
        )
    )
