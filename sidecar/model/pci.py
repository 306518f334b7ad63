# SPDX-License-Identifier: Apache-2.0
"""PCI addresses."""

import re
from dataclasses import dataclass
from typing import Self

from sidecar.errors import RequestError, shorten

_TEXT = re.compile(
    r"(?:([0-9a-fA-F]{4}|[1-9a-fA-F][0-9a-fA-F]{4,7}):)?([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])"
)
_MAX_DOMAIN = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, order=True)
class PciAddress:
    """A PCI function's address; text form ``0000:3b:02.1`` (domain:bus:slot.function).

    Firmware numbers domains with 16 bits. Linux goes on above them where it makes domains by
    itself (Intel VMD from 0x10000 on, Hyper-V), and so does libvirt for devices of the host:
    ``10000:80:05.0`` has five digits, in sysfs too.

    Raises:
        RequestError: a part is out of its range (domain 32 bits, bus 8, slot 5, function 3).
    """

    domain: int
    bus: int
    slot: int
    function: int = 0

    def __post_init__(self) -> None:
        limits = (("domain", _MAX_DOMAIN), ("bus", 0xFF), ("slot", 0x1F), ("function", 7))
        for part, limit in limits:
            value: int = getattr(self, part)
            if not 0 <= value <= limit:
                raise RequestError(
                    f"PCI {part} is out of range", found=str(value), expected=f"0 to {limit:#x}"
                )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``0000:3b:02.1`` or ``3b:02.1`` (PCI domain 0).

        Raises:
            RequestError: the text is no PCI address.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise RequestError(
                "not a PCI address", found=shorten(text), expected="an address like 0000:3b:02.1"
            )
        domain, bus, slot, function = (int(part or "0", 16) for part in match.groups())
        return cls(domain, bus, slot, function)

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"
