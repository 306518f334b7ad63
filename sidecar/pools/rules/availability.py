# SPDX-License-Identifier: Apache-2.0
"""May this VF be taken? The one answer, by all signals; whoever needs to know reads it.

``node.observe`` reads the signals and asks here once for each VF; status, metrics, lists, the
choice of a VF, leases, the guard and the doctor take what came of it from ``PfView``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sidecar.model.availability import Assessment, Availability, Evidence, Source
from sidecar.model.guest import GuestDevice
from sidecar.model.lease import Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView

_PROVING: Final = frozenset({Source.KERNEL, Source.PROCESSES, Source.LIBVIRT})
"""That we have leased a VF to nobody does not prove that nobody has it."""
_SOURCES: Final = 2
_ORDER: Final = tuple(Availability)
_UNPROVEN: Final = Evidence(Availability.UNKNOWN, "not confirmed by a second source")


def assess(evidence: Iterable[Evidence]) -> Assessment:
    """Decide whether a VF may be taken.

    The worst of all signals counts. A VF is free only if the kernel says so, a second source
    (processes, libvirt) confirms it, and no signal says otherwise; docs/guard.md has the table.
    """
    signals = tuple(one for one in evidence if one != _UNPROVEN)
    worst = min((one.verdict for one in signals), key=_ORDER.index, default=Availability.UNKNOWN)
    if worst in {Availability.FREE, Availability.PROMISED} and not _proves(signals):
        worst, signals = Availability.UNKNOWN, (*signals, _UNPROVEN)
    return Assessment(worst, signals or (_UNPROVEN,))


def _proves(signals: Iterable[Evidence]) -> bool:
    sources = {one.source for one in signals if one.verdict is Availability.FREE} & _PROVING
    return Source.KERNEL in sources and len(sources) >= _SOURCES


def without(assessment: Assessment, *sources: Source) -> Assessment:
    """Decide anew with some sources left out.

    For those whose own record is not to stand against them: the holder of a lease, who ends it;
    the guard, since a configuration that names a VF does not have it.
    """
    return assess(one for one in assessment.evidence if one.source not in sources)


def promise(view: PfView, named: Mapping[PciAddress, str]) -> PfView:
    """Decide anew for VFs that a VM which starts now names.

    Args:
        view: their PF.
        named: the entry that names a VF, by the VF's address.
    """
    promised = {
        vf: Evidence(
            Availability.PROMISED,
            f"also named by {named[vf]} of the same VM",
            "",
            Source.CONFIGURATIONS,
        )
        for vf in view.assessments
        if vf in named
    }
    changed = {vf: assess((*view.assessments[vf].evidence, one)) for vf, one in promised.items()}
    return replace(view, assessments={**view.assessments, **changed})


def count_vfs(view: PfView) -> Mapping[Availability, int]:
    """Count a PF's VFs by availability, with a zero for those that none has."""
    counted = Counter(view.assess(vf).availability for vf in view.vfs)
    return {one: counted[one] for one in Availability}


@dataclass(frozen=True, slots=True)
class Guests:
    """What libvirt says of all VFs.

    Args:
        devices: the host's PCI devices in all domains, running or configured.
        unknown: why cannot query libvirt, empty if it answered.
        absent: why it need not be asked, empty if it was: somebody answers for it that no domain
            of libvirt has a VF.
    """

    devices: tuple[GuestDevice, ...] = ()
    unknown: str = ""
    absent: str = ""

    def weigh(self, vf: PciAddress) -> tuple[Evidence, ...]:
        """Return what libvirt says of a VF."""
        if self.absent:
            return (Evidence(Availability.FREE, self.absent, source=Source.LIBVIRT),)
        if self.unknown:
            text = f"cannot query libvirt: {self.unknown}"
            return (Evidence(Availability.UNKNOWN, text, source=Source.LIBVIRT),)
        its = [one for one in self.devices if one.vf == vf]
        running = next((one for one in its if one.live), None)
        names = dict.fromkeys(one.domain for one in its if not one.live)
        return (weigh_guest(running), *(weigh_configuration(name) for name in names))


NO_LIBVIRT: Final = Guests(absent="this host has no libvirt (--connect none)")


def weigh_guest(guest: GuestDevice | None) -> Evidence:
    """Say which running domain has a VF; ``None`` if none has."""
    if guest is None:
        return Evidence(Availability.FREE, "no running domain has it", source=Source.LIBVIRT)
    text = f"domain {guest.domain} ({guest.state}) has it"
    return Evidence(Availability.IN_USE, text, f"domain {guest.domain}", Source.LIBVIRT)


def weigh_configuration(domain: str) -> Evidence:
    """Say that a domain will have a VF when it starts."""
    text = f"the configuration of domain {domain} names it"
    return Evidence(Availability.PROMISED, text, f"domain {domain}", Source.CONFIGURATIONS)


_LEASED: Final = {LeaseState.TAKING, LeaseState.LEASED, LeaseState.RETURNING}


def weigh_lease(lease: Lease | None) -> Evidence:
    """Say what our own record says of a VF; ``None`` if there is none."""
    if lease is None or lease.state not in {*_LEASED, LeaseState.INSPECT}:
        return Evidence(Availability.FREE, "no lease", source=Source.LEASES)
    who = str(lease.holder or "")
    if lease.state is LeaseState.INSPECT:
        text = f"its lease needs inspection: {lease.reason}"
        return Evidence(Availability.INSPECT, text, who, Source.LEASES)
    text = f"{lease.state} by {who}, generation {lease.generation}"
    return Evidence(Availability.LEASED, text, who, Source.LEASES)


def weigh_records(lease: Lease | None, quarantine: str, unreadable: str = "") -> Sequence[Evidence]:
    """Say what our own records say of a VF and its PF.

    Args:
        lease: the VF's, ``None`` without one.
        quarantine: why nothing may touch the PF, empty if it may.
        unreadable: why the records cannot be read, empty if they can.
    """
    if unreadable:
        text = f"Portside's records cannot be read: {unreadable}"
        return [Evidence(Availability.UNKNOWN, text, source=Source.LEASES)]
    barred = f"its PF is in quarantine: {quarantine}"
    hung = Evidence(Availability.QUARANTINED, barred, source=Source.QUARANTINE)
    return [weigh_lease(lease), *([hung] if quarantine else [])]
