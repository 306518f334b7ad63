# SPDX-License-Identifier: Apache-2.0
"""What a PF sets for its VFs: ``ip link set PF vf N ...``, netlink's IFLA_VF_*."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress

MAX_VLAN: Final = 4094
"""Largest VLAN id; 802.1Q reserves 4095, and 0 stands for no VLAN."""
MAX_QOS: Final = 7
"""Largest priority of a VLAN tag: three bits (802.1Q PCP)."""
MAX_RATE: Final = 0xFFFF_FFFF
"""Largest rate in Mbit/s: 32 bits in ``struct ifla_vf_rate``."""


class VlanProtocol(StrEnum):
    """The tag that the VF's frames get; 802.1ad is the outer tag of two (QinQ)."""

    DOT1Q = "802.1Q"
    DOT1AD = "802.1ad"


class LinkState(StrEnum):
    """The link that the VF sees: the PF's (auto), or always up or down."""

    AUTO = "auto"
    ENABLE = "enable"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class PortVlan:
    """The VLAN of all frames of a VF, put on and taken off by the card.

    It is one VLAN: netlink's ``IFLA_VF_VLAN`` has no trunk.

    Args:
        id: 1 to 4094, or 0 for none.
        qos: priority, 0 to 7; drivers may report one without a VLAN.
        protocol: of the tag.

    Raises:
        RequestError: a number is out of its range.
    """

    id: int
    qos: int = 0
    protocol: VlanProtocol = VlanProtocol.DOT1Q

    def __str__(self) -> str:
        """Return it for people, e.g. ``100 qos 0 802.1Q``."""
        return f"{self.id} qos {self.qos} {self.protocol}" if self.id or self.qos else "none"

    def __post_init__(self) -> None:
        if not 0 <= self.id <= MAX_VLAN:
            raise RequestError(
                "VLAN id is out of range", found=str(self.id), expected=f"0 (none) to {MAX_VLAN}"
            )
        if not 0 <= self.qos <= MAX_QOS:
            raise RequestError(
                "VLAN priority is out of range", found=str(self.qos), expected=f"0 to {MAX_QOS}"
            )


@dataclass(frozen=True, slots=True)
class VfSettings:
    """Settings of a VF that its PF keeps; ``None`` leaves one as it is.

    Args:
        mac: the VF's MAC address; a netdev that is live takes it at the next bind only.
        vlan: see ``PortVlan``.
        trust: whether the VF may change its MAC address and be promiscuous.
        spoofchk: whether frames with another source address are dropped.
        link_state: see ``LinkState``.
        min_tx_rate: guaranteed rate in Mbit/s; 0 is none.
        max_tx_rate: largest rate in Mbit/s; 0 is no limit.

    Raises:
        RequestError: a rate out of range, or the smallest above the largest.
    """

    mac: MacAddress | None = None
    vlan: PortVlan | None = None
    trust: bool | None = None
    spoofchk: bool | None = None
    link_state: LinkState | None = None
    min_tx_rate: int | None = None
    max_tx_rate: int | None = None

    def __post_init__(self) -> None:
        for name, rate in (("min_tx_rate", self.min_tx_rate), ("max_tx_rate", self.max_tx_rate)):
            if rate is not None and not 0 <= rate <= MAX_RATE:
                raise RequestError(
                    f"{name} is out of range", found=str(rate), expected=f"0 to {MAX_RATE} Mbit/s"
                )
        if self.min_tx_rate and self.max_tx_rate and self.min_tx_rate > self.max_tx_rate:
            raise RequestError(
                "the minimum rate is above the maximum",
                found=f"min_tx_rate {self.min_tx_rate}, max_tx_rate {self.max_tx_rate}",
            )

    @property
    def asks_nothing(self) -> bool:
        """Whether every setting is left as it is."""
        return self == VfSettings()

    def beyond(self, present: "VfSettings") -> "VfSettings":
        """Return those of the settings that ``present`` does not have."""
        return VfSettings(
            **{
                one.name: getattr(self, one.name)
                for one in fields(self)
                if getattr(self, one.name) != getattr(present, one.name)
            }
        )
