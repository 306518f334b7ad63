# SPDX-License-Identifier: Apache-2.0
"""Whether a VF may be taken, and the signals that say so."""

from dataclasses import dataclass
from enum import StrEnum


class Availability(StrEnum):
    """Whether a VF may be taken: of one VF, and what each signal says of it.

    In the order of what counts first: the worst of all signals is the VF's. So ``PROMISED`` means
    that nothing else stands against it, and ``LEASED`` that nobody is seen to use it.
    """

    QUARANTINED = "quarantined"
    """A write to its PF hangs: nothing may touch the PF or its VFs."""
    INSPECT = "inspect"
    """Its lease was cut short or is damaged: it is neither free nor somebody's."""
    IN_USE = "in use"
    LEASED = "leased"
    UNKNOWN = "unknown"
    """Something cannot be read, or only one source says that it is free: counts as in use."""
    PROMISED = "promised"
    """A domain's configuration, or another entry of the same VM, names it."""
    FREE = "free"


class Source(StrEnum):
    """Where a signal comes from: two of different sources cannot be wrong for one reason."""

    KERNEL = "kernel"
    """sysfs and netlink."""
    PROCESSES = "processes"
    LIBVIRT = "libvirt"
    """Its running domains."""
    LEASES = "leases"
    """Portside's own records of the VFs."""
    CONFIGURATIONS = "configurations"
    """What domains will have when they start, and what a VM that starts now names."""
    QUARANTINE = "quarantine"
    """Portside's own record of the PF."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One signal: what it says, in a sentence for people; ``who`` names the user, if known."""

    verdict: Availability
    text: str
    who: str = ""
    source: Source = Source.KERNEL


@dataclass(frozen=True, slots=True)
class Assessment:
    """Whether a VF may be taken, and all signals that this rests on.

    ``sidecar.pools.rules.availability.assess`` makes it, and nobody else decides.
    """

    availability: Availability
    evidence: tuple[Evidence, ...]

    @property
    def free(self) -> bool:
        """Whether the VF may be taken."""
        return self.availability is Availability.FREE

    @property
    def users(self) -> tuple[str, ...]:
        """Who has it or is to have it, as far as that is known; each once."""
        return tuple(dict.fromkeys(one.who for one in self.evidence if one.who))

    @property
    def state(self) -> str:
        """What is the matter with the VF, as a predicate: ``is in use``."""
        match self.availability:
            case Availability.UNKNOWN:
                return "is not proven free"
            case Availability.INSPECT:
                return "needs inspection"
            case other:
                return f"is {other}"

    @property
    def why(self) -> str:
        """What stands against taking the VF, empty if nothing does."""
        return "; ".join(one.text for one in self.obstacles)

    @property
    def obstacles(self) -> tuple[Evidence, ...]:
        """The signals that do not say that it is free; those that count first come first."""
        order = tuple(Availability)
        found = (one for one in self.evidence if one.verdict is not Availability.FREE)
        return tuple(sorted(found, key=lambda one: order.index(one.verdict)))
