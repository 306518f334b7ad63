# SPDX-License-Identifier: Apache-2.0
"""SR-IOV functions as a host shows them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, Self

from sidecar.errors import RequestError, shorten
from sidecar.model.availability import Evidence
from sidecar.model.pci import PciAddress

MAX_FUNCTIONS: Final = 0xFFFF
"""Largest TotalVFs and VF number: 16 bits in the SR-IOV capability."""

_ID = re.compile(r"([0-9a-f]{4}):([0-9a-f]{4})")
_NETWORK: Final = 0x02
"""Base class of network controllers (PCI Code and ID Assignment, 1.3)."""
_INFINIBAND: Final = 32
"""``ARPHRD_INFINIBAND`` of Linux, ``include/uapi/linux/if_arp.h``."""


class Unknown(Enum):
    """The type of ``UNKNOWN``."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""What could not be read: neither none (``None``), nor zero, nor false."""


@dataclass(frozen=True, slots=True)
class PciId:
    """Vendor and device number; text form ``8086:10ca``, as ``lspci -n`` prints it.

    Raises:
        RequestError: a number does not fit into 16 bits.
    """

    vendor: int
    device: int

    def __post_init__(self) -> None:
        for value in (self.vendor, self.device):
            if not 0 <= value <= 0xFFFF:  # noqa: PLR2004 - 16 bits, as the error says
                raise RequestError(
                    "PCI vendor or device number is out of range",
                    found=str(value),
                    expected="16 bits",
                )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``8086:10ca``.

        Raises:
            RequestError: the text is no such pair.
        """
        match = _ID.fullmatch(text.lower())
        if match is None:
            raise RequestError(
                "not a PCI vendor and device number",
                found=shorten(text),
                expected="numbers like 8086:10ca",
            )
        return cls(int(match[1], 16), int(match[2], 16))

    def __str__(self) -> str:
        return f"{self.vendor:04x}:{self.device:04x}"


@dataclass(frozen=True, slots=True)
class NetInterface:
    """A network interface of a PCI function, as seen from our network namespace.

    ``up`` is what the administrator wants (``IFF_UP``), ``operstate`` what the link does
    (the kernel's word: ``up``, ``down``, ``dormant`` ... ``unknown``). ``uppers`` are the
    interfaces on top of it (bridge, bond, VLAN, macvtap), ``master`` the one of them that
    owns it, if one does. ``hardware`` is the link layer's number (``ARPHRD_*``), read of PFs only.
    """

    name: str
    up: bool | Unknown
    operstate: str | Unknown
    master: str | Unknown | None
    uppers: tuple[str, ...] | Unknown
    hardware: int | Unknown = UNKNOWN

    @property
    def infiniband(self) -> bool:
        """Whether its link layer is InfiniBand, so that its VFs have no Ethernet address."""
        return self.hardware == _INFINIBAND


@dataclass(frozen=True, slots=True)
class PciFunction:
    """What PFs and VFs have in common; ``None`` is none, ``UNKNOWN`` not readable.

    ``interfaces`` are those in our network namespace. ``numa_node`` is ``None`` where the
    kernel says that the function belongs to no node (-1).
    """

    address: PciAddress
    identity: PciId | Unknown
    driver: str | Unknown | None
    interfaces: tuple[NetInterface, ...] | Unknown
    iommu_group: int | Unknown | None
    numa_node: int | Unknown | None


@dataclass(frozen=True, slots=True)
class VirtualFunction(PciFunction):
    """A VF: number ``index`` (from 0) of the PF ``physfn``.

    ``enabled`` is the kernel's count of those who switched the device on (``enable``).

    Raises:
        RequestError: a number is out of its range.
    """

    physfn: PciAddress
    index: int
    enabled: int | Unknown

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_FUNCTIONS:
            raise RequestError(
                "a VF's number is out of range",
                found=str(self.index),
                expected=f"0 to {MAX_FUNCTIONS}",
            )
        if self.enabled is not UNKNOWN and self.enabled < 0:
            raise RequestError("a negative enable count", found=str(self.enabled))


@dataclass(frozen=True, slots=True)
class PhysicalFunction(PciFunction):
    """A PF and the VFs that it has now, in the order of their numbers.

    ``interfaces`` are its own: representors of VFs and subfunctions, which a card in switchdev
    mode has beside them, are left out. ``device_class`` is the PCI class, 24 bits.

    Raises:
        RequestError: a total is out of range, or a VF belongs to another PF.
    """

    totalvfs: int | Unknown
    vfs: tuple[VirtualFunction, ...] | Unknown
    device_class: int | Unknown = UNKNOWN

    def __post_init__(self) -> None:
        if self.totalvfs is not UNKNOWN and not 0 <= self.totalvfs <= MAX_FUNCTIONS:
            raise RequestError(
                "a PF's total of VFs is out of range",
                found=str(self.totalvfs),
                expected=f"0 to {MAX_FUNCTIONS}",
            )
        for vf in () if self.vfs is UNKNOWN else self.vfs:
            if vf.physfn != self.address:
                raise RequestError(
                    "a VF of another PF", where=str(self.address), found=f"{vf.address}"
                )

    @property
    def numvfs(self) -> int | Unknown:
        """How many VFs there are."""
        return UNKNOWN if self.vfs is UNKNOWN else len(self.vfs)

    @property
    def network_card(self) -> bool:
        """Whether it is a network controller; one whose class cannot be read counts as one.

        GPUs, NVMe drives and accelerators have SR-IOV too.
        """
        known = self.device_class
        return known is UNKNOWN or known >> 16 == _NETWORK or bool(self.interfaces)


@dataclass(frozen=True, slots=True)
class Inventory:
    """All PFs of a host, ordered by address, and what kernel and processes say of each VF."""

    pfs: tuple[PhysicalFunction, ...]
    signals: Mapping[PciAddress, tuple[Evidence, ...]]

    def find(self, address: PciAddress) -> PhysicalFunction | VirtualFunction | None:
        """Return the PF or VF at an address, ``None`` if there is none."""
        for pf in self.pfs:
            if pf.address == address:
                return pf
            for vf in () if pf.vfs is UNKNOWN else pf.vfs:
                if vf.address == address:
                    return vf
        return None
