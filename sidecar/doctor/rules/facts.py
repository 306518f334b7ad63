# SPDX-License-Identifier: Apache-2.0
"""What was read of a host, as values; ``UNKNOWN`` is what could not be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.domainxml.domain_needs import DomainNeeds
from sidecar.model.availability import Assessment
from sidecar.model.host_facts import IommuFacts, VfioFacts
from sidecar.model.lease import Lease
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PoolDefinition
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, Unknown, VirtualFunction

HOST = "host"
"""What findings call the host as a whole."""


@dataclass(frozen=True, slots=True)
class DriverTraits:
    """What is known of a PF's driver.

    Args:
        limit: VFs that it makes at most, ``None`` if that is not known.
        configures: whether it makes VFs through sysfs.
        needs_pf_up: whether it makes them only while the PF is up.
        hints: sentences for people.
    """

    limit: int | None = None
    configures: bool = True
    needs_pf_up: bool = False
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PfFacts:
    """A PF.

    Args:
        pf: the PF and its VFs.
        driver: what is known of its driver.
        answer: the kernel's own number of VFs; ``UNKNOWN`` if it did not answer in time.
        record: what our state keeps of it; ``None`` if that cannot be read.
        quarantine: why nothing may touch it, empty if it may.
        leases: records of its VFs.
    """

    pf: PhysicalFunction
    driver: DriverTraits = field(default_factory=DriverTraits)
    answer: int | Unknown = UNKNOWN
    record: PfRecord | None = None
    quarantine: str = ""
    leases: tuple[Lease, ...] = ()

    @property
    def name(self) -> str:
        """What findings call it: its address, and its interface if it has one."""
        names = () if self.pf.interfaces is UNKNOWN else self.pf.interfaces
        return " ".join(["PF", str(self.pf.address), *(one.name for one in names)])

    @property
    def vfs(self) -> tuple[VirtualFunction, ...]:
        """Its VFs, none if they cannot be listed."""
        return () if self.pf.vfs is UNKNOWN else self.pf.vfs


@dataclass(frozen=True, slots=True)
class Want:
    """A domain that is to start, and how many VFs of a network it wants."""

    domain: str
    count: int


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """A pool.

    Args:
        definition: what was asked for.
        pf: the PF that has its interface, ``None`` if none has.
        active: whether its network runs; ``None`` if libvirt has no such network, ``UNKNOWN``
            if it does not answer.
        autostart: whether libvirt or the node agent starts it after a boot.
        wants: domains that are not running and will ask it for VFs.
    """

    definition: PoolDefinition
    pf: PciAddress | None
    active: bool | Unknown | None
    autostart: bool
    wants: tuple[Want, ...] = ()


@dataclass(frozen=True, slots=True)
class LibvirtFacts:
    """libvirt.

    Args:
        uri: where it was looked for.
        version: of it.
        error: its own words on why it does not answer, empty if it does.
        attempt: what was tried then.
        wanted: whether the call needs it: it names a pool, a domain or a connection.
        networks: all its networks, and whether each runs.
    """

    uri: str
    version: str = ""
    error: str = ""
    attempt: str = ""
    wanted: bool = False
    networks: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that findings rest on.

    Args:
        inventory: PFs and VFs.
        assessments: whether each VF may be taken, by all signals.
        holders: the running domain that has a device, by the device's address.
        present: which of the addresses that the domain names are PCI devices here.
        shared: for a VF whose IOMMU group has other devices, those.
        reserved: for a device that the firmware has memory reserved for, which VFIO cannot map
            around, its IOMMU group and those regions.
        macs: what PFs have set for the VFs of the domain's teams.
        state_error: why our own state cannot be read, empty if it can.
        domain: the domain that the call is about.
        running: whether that one runs.
        wanted_pool: the pool that the call is about, empty for none.
    """

    iommu: IommuFacts
    pfs: tuple[PfFacts, ...]
    inventory: Inventory
    assessments: Mapping[PciAddress, Assessment]
    vfio: VfioFacts
    libvirt: LibvirtFacts
    pools: tuple[PoolFacts, ...] = ()
    holders: Mapping[PciAddress, str] = field(default_factory=dict)
    present: frozenset[PciAddress] = frozenset()
    shared: Mapping[PciAddress, tuple[str, ...]] = field(default_factory=dict)
    reserved: Mapping[PciAddress, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    macs: Mapping[PciAddress, MacAddress] = field(default_factory=dict)
    state_error: str = ""
    domain: DomainNeeds | None = None
    running: bool = False
    wanted_pool: str = ""
