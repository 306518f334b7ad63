# SPDX-License-Identifier: Apache-2.0
"""Everything that a decision about a PF rests on, read at one time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.errors import HostError
from sidecar.host.groups import shared_with
from sidecar.host.inventory import read_inventory, read_one_pf
from sidecar.model.availability import Assessment
from sidecar.model.lease import Lease
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PfView
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Host
from sidecar.pools.rules.availability import NO_LIBVIRT, Guests, assess, weigh_records
from sidecar.virt.connection import Libvirt
from sidecar.virt.guests import read_guests


@dataclass(frozen=True, slots=True)
class HostView:
    """All PFs of a host, observed at one time.

    Args:
        inventory: what kernel and processes show.
        views: all that is known of each PF, by its address.
        guests: as libvirt just said.
        unreadable: why our records of a PF cannot be read; no VF of such a PF is free.
    """

    inventory: Inventory
    views: Mapping[PciAddress, PfView]
    guests: Guests
    unreadable: Mapping[PciAddress, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Why some of our records cannot be read, empty if all can."""
        return next(iter(self.unreadable.values()), "")

    @property
    def assessments(self) -> Mapping[PciAddress, Assessment]:
        """Whether each VF of the host may be taken."""
        return {vf: one for view in self.views.values() for vf, one in view.assessments.items()}


@dataclass(frozen=True, slots=True)
class _Records:
    """What our state keeps of a PF; ``error`` says why it cannot be read."""

    record: PfRecord
    leases: Mapping[int, Lease]
    error: str = ""


def observe_guests(libvirt: Libvirt) -> Guests:
    """Ask libvirt who has or will have which VF; that no answer comes is part of the result."""
    try:
        return Guests(read_guests(libvirt))
    except HostError as error:
        return Guests(unknown=str(error))


def ask_guests(host: Host) -> Guests:
    """Open the host's libvirt and ask it; that it does not open, or is not there, is an answer."""
    if not host.has_libvirt:
        return NO_LIBVIRT
    try:
        with host.libvirt() as libvirt:
            return observe_guests(libvirt)
    except HostError as error:
        return Guests(unknown=str(error))


def observe(host: Host, pf: PhysicalFunction, inventory: Inventory, guests: Guests) -> PfView:
    """Put together what is known of a PF, and assess its VFs.

    Args:
        host: the host.
        pf: the PF, of the inventory.
        inventory: as it was just read.
        guests: as libvirt just said.

    Raises:
        HostError: our own state cannot be read.
    """
    return _view(host, pf, inventory, guests, _read_records(host, pf.address))


def observe_host(host: Host, guests: Guests) -> HostView:
    """Read all PFs anew, and assess their VFs; records that cannot be read are doubts.

    Raises:
        HostError: the PCI devices cannot be listed.
    """
    inventory = read_inventory(host.sysfs, host.proc)
    views, unreadable = {}, {}
    for pf in inventory.pfs:
        try:
            records = _read_records(host, pf.address)
        except HostError as error:
            records = _Records(PfRecord(pf.address), {}, str(error))
            unreadable[pf.address] = str(error)
        views[pf.address] = _view(host, pf, inventory, guests, records)
    return HostView(inventory, views, guests, unreadable)


def look_at(host: Host, address: PciAddress, libvirt: Libvirt) -> PfView:
    """Read everything about one PF anew.

    Raises:
        HostError: no such PF now, or something cannot be read.
    """
    inventory = read_one_pf(host.sysfs, address, host.proc)
    pf = inventory.find(address)
    if not isinstance(pf, PhysicalFunction):
        raise HostError(
            "no such PF",
            where=str(address),
            found="no function with SR-IOV at this address",
            todo="portside vf list shows all of them",
        )
    return observe(host, pf, inventory, observe_guests(libvirt))


def _read_records(host: Host, pf: PciAddress) -> _Records:
    return _Records(host.store.record(pf), host.store.leases(pf))


def _view(
    host: Host, pf: PhysicalFunction, inventory: Inventory, guests: Guests, records: _Records
) -> PfView:
    vfs = () if pf.vfs is UNKNOWN else pf.vfs
    boot = host.boot
    quarantine = records.record.quarantined(boot)
    shared = {vf.address: _read_shared(host, vf) for vf in vfs}

    def judge(vf: VirtualFunction) -> Assessment:
        ours = weigh_records(records.leases.get(vf.index), quarantine, records.error)
        return assess((*inventory.signals[vf.address], *guests.weigh(vf.address), *ours))

    return PfView(
        pf=pf,
        assessments={vf.address: judge(vf) for vf in vfs},
        record=records.record,
        boot=boot,
        leases=records.leases,
        shared_groups={address: others for address, others in shared.items() if others},
        up=_is_up(pf),
    )


def _read_shared(host: Host, vf: VirtualFunction) -> tuple[str, ...]:
    """Name what else is in a VF's IOMMU group; what cannot be listed stands against it too."""
    try:
        return shared_with(host.sysfs, vf.address)
    except HostError:
        return ("devices that cannot be listed",)


def _is_up(pf: PhysicalFunction) -> bool | None:
    """Tell whether the PF can carry VFs: unknown is no reason to touch its link."""
    if pf.interfaces is UNKNOWN or not pf.interfaces:
        return None
    first = pf.interfaces[0].up
    return None if first is UNKNOWN else first
