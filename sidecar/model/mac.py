# SPDX-License-Identifier: Apache-2.0
"""MAC addresses."""

import re
from dataclasses import dataclass
from typing import Self

from sidecar.errors import RequestError, shorten

_TEXT = re.compile(r"[0-9a-f]{2}([:-])[0-9a-f]{2}(\1[0-9a-f]{2}){4}")


@dataclass(frozen=True, slots=True)
class MacAddress:
    """A unicast Ethernet address; text form ``52:54:00:12:34:56``, lower case.

    Raises:
        RequestError: the text is no MAC address, a multicast one, or all zero
            (libvirt refuses both, ``virMacAddrParse`` and ``virDomainNetDefParseXML``).
    """

    text: str

    def __post_init__(self) -> None:
        if _TEXT.fullmatch(self.text) is None or "-" in self.text:
            raise RequestError(
                "not a MAC address",
                found=shorten(self.text),
                expected="six bytes in lower-case hex, like 52:54:00:12:34:56",
            )
        if int(self.text[:2], 16) & 1:
            raise RequestError(
                "a multicast MAC address cannot belong to an interface",
                found=self.text,
                expected="an even first byte",
            )
        if self.text == "00:00:00:00:00:00":
            raise RequestError(
                "the MAC address is all zero", found=self.text, expected="a unicast address"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a MAC address in upper or lower case, bytes joined by ``:`` or ``-``."""
        lowered = text.lower()
        if _TEXT.fullmatch(lowered) is not None:
            lowered = lowered.replace("-", ":")
        return cls(lowered)

    def __str__(self) -> str:
        return self.text
