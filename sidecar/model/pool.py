# SPDX-License-Identifier: Apache-2.0
"""Pools of VFs, and what is known of the PF behind one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.errors import RequestError
from sidecar.model.availability import Assessment
from sidecar.model.lease import Lease
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import MAX_FUNCTIONS, UNKNOWN, PhysicalFunction, VirtualFunction


@dataclass(frozen=True, slots=True)
class PoolDefinition:
    """A pool: a libvirt network of ``<forward mode='hostdev'>``, and how many VFs it wants.

    Args:
        name: of the network.
        pf_name: the PF's network interface, as ``<pf dev='...'>`` has it.
        minimum: VFs that there must be at least (``<vf num='...'>``); ``None`` if the
            definition does not say, which is not zero: whatever there is, is enough.

    Raises:
        RequestError: the minimum is out of range.
    """

    name: str
    pf_name: str
    minimum: int | None = None

    def __post_init__(self) -> None:
        if self.minimum is not None and not 1 <= self.minimum <= MAX_FUNCTIONS:
            raise RequestError(
                "a pool's number of VFs is out of range",
                where=f"pool {self.name}",
                found=str(self.minimum),
                expected=f"1 to {MAX_FUNCTIONS}, or no <vf>",
            )


@dataclass(frozen=True, slots=True)
class PoolRecord:
    """What our state keeps of a pool.

    Args:
        definition: what was asked for.
        pf: the PF's address when the pool was defined: names of interfaces move.
        autostart: whether the node agent starts it.
    """

    definition: PoolDefinition
    pf: PciAddress
    autostart: bool = False


@dataclass(frozen=True, slots=True)
class KeptVf:
    """What a VF had before it was removed, since the kernel forgets it with the VF.

    Args:
        settings: what the PF had set for it.
        driver: a VFIO driver that had it, to be bound again; empty for any other, which
            binds by itself.
    """

    settings: VfSettings
    driver: str = ""


@dataclass(frozen=True, slots=True)
class PfRecord:
    """What our state keeps of a PF.

    Args:
        pf: its address.
        made: how many VFs we made, 0 if the VFs that are there are not ours.
        boot: the kernel's boot id when we made them, or put the PF into quarantine: both end
            with it.
        operation: what we had begun to do to ``sriov_numvfs`` and not finished, empty if
            nothing: the next run says so and looks again.
        quarantine: why nothing may touch the PF any more, empty if it may.
        kept: what the VFs had that are removed to make more, until it is set again.
    """

    pf: PciAddress
    made: int = 0
    boot: str = ""
    operation: str = ""
    quarantine: str = ""
    kept: Mapping[int, KeptVf] = field(default_factory=dict)

    def quarantined(self, boot: str) -> str:
        """Return why nothing may touch the PF, empty if it may.

        A reboot ends what hung, and with it the quarantine.

        Args:
            boot: the kernel's boot id now.
        """
        return self.quarantine if self.boot == boot else ""


@dataclass(frozen=True, slots=True)
class PfView:
    """All that a decision about a PF may rest on, read at one time.

    Args:
        pf: the PF and its VFs.
        assessments: of every VF, whether it may be taken, by all signals.
        record: our own state of the PF.
        boot: the kernel's boot id now.
        leases: records by the VF's number, also of VFs that are not there now.
        shared_groups: for a VF whose IOMMU group has other devices, those.
        up: whether the PF's interface is administratively up; ``None`` if it has none.
    """

    pf: PhysicalFunction
    assessments: Mapping[PciAddress, Assessment]
    record: PfRecord
    boot: str
    leases: Mapping[int, Lease] = field(default_factory=dict)
    shared_groups: Mapping[PciAddress, tuple[str, ...]] = field(default_factory=dict)
    up: bool | None = None

    @property
    def quarantine(self) -> str:
        """Why nothing may touch the PF, empty if it may."""
        return self.record.quarantined(self.boot)

    @property
    def vfs(self) -> tuple[VirtualFunction, ...]:
        """The PF's VFs, none if they cannot be listed."""
        return () if self.pf.vfs is UNKNOWN else self.pf.vfs

    def assess(self, vf: VirtualFunction) -> Assessment:
        """Return whether one of the PF's VFs may be taken."""
        return self.assessments[vf.address]
