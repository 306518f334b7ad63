# SPDX-License-Identifier: Apache-2.0
"""Who a VF is promised to."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings

NO_GENERATION: Final = 0
"""Generation of a VF that was never leased."""


class HolderKind(StrEnum):
    """What can hold a VF by our records."""

    DOMAIN = "domain"
    VMI = "vmi"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who a lease belongs to.

    Args:
        kind: of object.
        name: of the domain, or ``namespace/name`` of the VMI or claim.
        uid: the object's own, so that a namesake made later is somebody else; the UUID of a
            domain.

    Raises:
        RequestError: no name.
    """

    kind: HolderKind
    name: str
    uid: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise RequestError(f"a {self.kind} without a name cannot hold a VF")

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class LeaseState(StrEnum):
    """The life of a VF's record; ``TAKING`` and ``RETURNING`` are intents.

    What the next run finds in an intent was cut short, so it marks the VF ``INSPECT``.
    """

    FREE = "free"
    TAKING = "taking"
    LEASED = "leased"
    RETURNING = "returning"
    INSPECT = "inspect"


@dataclass(frozen=True, slots=True)
class Lease:
    """The record of one VF.

    Args:
        pf: the PF's address.
        index: the VF's number, from 0.
        generation: grows by one with every lease of this VF; whoever returns a lease names
            it, so that a late return does not take the VF from the next holder.
        state: see ``LeaseState``.
        holder: ``None`` if the VF is free; what is to be inspected may have lost its holder.
        pool: the pool that it was taken from, empty for none.
        settings: what was set through the PF for this holder, to be set again when the VFs
            are made anew.
        time: of the last change, RFC 3339 in UTC.
        reason: why the VF is to be inspected, for people; empty otherwise.

    Raises:
        RequestError: state and holder do not go together, or a number is negative.
    """

    pf: PciAddress
    index: int
    generation: int = NO_GENERATION
    state: LeaseState = LeaseState.FREE
    holder: Holder | None = None
    pool: str = ""
    settings: VfSettings = field(default_factory=VfSettings)
    time: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if self.index < 0 or self.generation < 0:
            raise RequestError(
                "a negative number in a lease", found=f"VF {self.index}, {self.generation}"
            )
        without = self.holder is None
        if self.state is not LeaseState.INSPECT and (self.state is LeaseState.FREE) != without:
            raise RequestError(
                "a lease's state and holder do not match",
                where=f"VF {self.index} of {self.pf}",
                found=f"{self.state}, {self.holder or 'no holder'}",
                expected="a holder exactly if it is not free",
            )

    @property
    def free(self) -> bool:
        """Whether the VF may be leased: what is to be inspected may not."""
        return self.state is LeaseState.FREE
