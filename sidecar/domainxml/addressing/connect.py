# SPDX-License-Identifier: Apache-2.0
"""What plugs into what: libvirt's PCI connect flags.

Source: libvirt ``src/conf/domain_addr.c`` (``virDomainPCIAddressBusSetModel``,
``virDomainPCIControllerModelToConnectType``, ``virDomainPCIAddressFlagsCompatible``),
read in 9.0 and 11.3, which agree.
"""

from typing import Final, NamedTuple

PCI: Final = 1 << 0
PCIE: Final = 1 << 1
ROOT_PORT: Final = 1 << 2
UPSTREAM_PORT: Final = 1 << 3
DOWNSTREAM_PORT: Final = 1 << 4
DMI_TO_PCI_BRIDGE: Final = 1 << 5
PCIE_TO_PCI_BRIDGE: Final = 1 << 6
PCI_BRIDGE: Final = 1 << 7
PCI_EXPANDER: Final = 1 << 8
PCIE_EXPANDER: Final = 1 << 9
TYPES: Final = (1 << 10) - 1

AUTOASSIGN: Final = 1 << 10
"""Of a bus: libvirt may choose it by itself. Of a device: it goes only onto such a bus."""
HOTPLUG: Final = 1 << 11
AGGREGATE: Final = 1 << 12
"""Several of these share a slot as its functions."""
INTEGRATED: Final = 1 << 13
"""Sits on bus 0, whatever that bus accepts otherwise."""

CONVENTIONAL_DEVICE: Final = PCI | AUTOASSIGN
EXPRESS_DEVICE: Final = PCIE | AUTOASSIGN

LAST_SLOT: Final = 31
LAST_FUNCTION: Final = 7


class BusModel(NamedTuple):
    """A kind of PCI controller: what it accepts downstream, and what it plugs into.

    ``accepts`` holds ``HOTPLUG`` where the model can; ``<target hotplug='off'>`` takes it away.
    """

    accepts: int
    first_slot: int
    last_slot: int
    plugs_into: int


_PORT = AUTOASSIGN | HOTPLUG | PCIE | UPSTREAM_PORT | PCIE_TO_PCI_BRIDGE
_SLOTS = AUTOASSIGN | HOTPLUG | PCI | PCI_BRIDGE
_PCIE_ROOT = PCIE | ROOT_PORT | DMI_TO_PCI_BRIDGE | PCIE_EXPANDER

BUS_MODELS: Final = {
    "pci-root": BusModel(_SLOTS | PCI_EXPANDER, 1, LAST_SLOT, 0),
    "pci-bridge": BusModel(_SLOTS, 1, LAST_SLOT, PCI_BRIDGE),
    "pci-expander-bus": BusModel(_SLOTS, 0, LAST_SLOT, PCI_EXPANDER),
    "pcie-root": BusModel(_PCIE_ROOT, 1, LAST_SLOT, 0),
    "dmi-to-pci-bridge": BusModel(PCI | PCI_BRIDGE, 0, LAST_SLOT, DMI_TO_PCI_BRIDGE),
    "pcie-to-pci-bridge": BusModel(_SLOTS, 1, LAST_SLOT, PCIE_TO_PCI_BRIDGE),
    "pcie-root-port": BusModel(_PORT, 0, 0, ROOT_PORT | AGGREGATE),
    "pcie-switch-upstream-port": BusModel(DOWNSTREAM_PORT, 0, LAST_SLOT, UPSTREAM_PORT),
    "pcie-switch-downstream-port": BusModel(_PORT, 0, 0, DOWNSTREAM_PORT),
    "pcie-expander-bus": BusModel(ROOT_PORT | DMI_TO_PCI_BRIDGE, 0, LAST_SLOT, PCIE_EXPANDER),
}


_ENDPOINT: Final = PCI | PCIE


def fits(bus_flags: int, device_flags: int, *, bus_is_root: bool) -> bool:
    """Tell whether a device may sit on a bus that its own ``<address>`` names.

    That is more than libvirt would choose: conventional and PCIe devices on each other's slots,
    a PCI bridge wherever a device may be. What is integrated sits on bus 0 alone.
    """
    if device_flags & INTEGRATED:
        if not bus_is_root:
            return False
        bus_flags |= PCI
    if bus_flags & _ENDPOINT:
        bus_flags |= _ENDPOINT
    if device_flags & PCI_BRIDGE:
        device_flags |= PCI
    return bool(device_flags & bus_flags & TYPES)


def accepts(bus_flags: int, device_flags: int, *, bus_is_root: bool) -> bool:
    """Tell whether libvirt would choose a bus for a device without an address."""
    if device_flags & INTEGRATED:
        if not bus_is_root:
            return False
        bus_flags |= PCI | AUTOASSIGN
    wanted = device_flags & (AUTOASSIGN | HOTPLUG)
    return wanted & bus_flags == wanted and bool(device_flags & bus_flags & TYPES)
