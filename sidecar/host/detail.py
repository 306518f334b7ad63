# SPDX-License-Identifier: Apache-2.0
"""One PF or VF, with what is worth a look at one but not at two thousand."""

from dataclasses import dataclass
from typing import Final

from sidecar.host.blocking import read_text
from sidecar.host.drivers import hints_for
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.vf import (
    UNKNOWN,
    Inventory,
    PhysicalFunction,
    Unknown,
    VirtualFunction,
)

_PATIENCE: Final = 1.0
"""Seconds to wait for ``driver_override``: it takes microseconds, or for ever."""
_NOT_SET: Final = ("", "(null)")
"""What the kernel prints for no override (``sysfs_emit`` of a null pointer)."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A PF, or a VF with its override of the driver, and hints on the PF's driver."""

    function: PhysicalFunction | VirtualFunction
    driver_override: str | Unknown | None
    hints: tuple[str, ...]


def read_detail(sysfs: Sysfs, inventory: Inventory, address: PciAddress) -> Detail | None:
    """Return the detail of a function of an inventory; ``None`` if it is not in there."""
    function = inventory.find(address)
    if function is None:
        return None
    override = read_text(sysfs.devices / str(address) / "driver_override", _PATIENCE)
    hints: tuple[str, ...] = ()
    if isinstance(function, PhysicalFunction):
        driver = function.driver
        hints = () if driver is None or driver is UNKNOWN else hints_for(driver)
    return Detail(
        function,
        None if override in _NOT_SET else override,
        hints,
    )
