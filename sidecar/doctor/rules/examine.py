# SPDX-License-Identifier: Apache-2.0
"""All subjects, one behind the other."""

from collections.abc import Iterator

from sidecar.doctor.rules.domain import examine_domain
from sidecar.doctor.rules.facts import Facts, LibvirtFacts
from sidecar.doctor.rules.finding import Code, Finding, Level, by_severity
from sidecar.doctor.rules.group import examine_groups, examine_reserved
from sidecar.doctor.rules.iommu import examine_iommu
from sidecar.doctor.rules.pf import examine_pfs
from sidecar.doctor.rules.pool import examine_pools
from sidecar.doctor.rules.state import examine_state
from sidecar.doctor.rules.vfio import examine_vfio
from sidecar.model.host_facts import Reading


def examine(facts: Facts) -> tuple[Finding, ...]:
    """Return all findings, those that fail first."""
    return by_severity(_examine(facts))


def _examine(facts: Facts) -> Iterator[Finding]:
    wanted = _wanted(facts)
    yield from examine_iommu(facts.iommu)
    yield from examine_vfio(facts.vfio)
    yield _examine_libvirt(facts.libvirt)
    yield from examine_pfs(facts.pfs, wanted)
    matter = [pf for pf in facts.pfs if pf.pf.network_card or str(pf.pf.address) in wanted]
    yield from examine_groups(matter, facts.shared)
    yield from examine_reserved(facts.reserved)
    yield from examine_state(facts.pfs, wanted, facts.state_error)
    yield from examine_pools(facts)
    yield from examine_domain(facts)


def _wanted(facts: Facts) -> frozenset[str]:
    """Return the PFs that matter to somebody, none if nobody says which."""
    addresses = {str(pool.pf) for pool in facts.pools if pool.pf is not None}
    for device in () if facts.domain is None else facts.domain.devices:
        for pf in facts.pfs:
            if any(vf.address == device.address for vf in pf.vfs):
                addresses.add(str(pf.pf.address))
    return frozenset(addresses)


def _examine_libvirt(libvirt: LibvirtFacts) -> Finding:
    if not libvirt.error:
        answer = (Reading(libvirt.uri, f"version {libvirt.version}"),)
        text = f"libvirt {libvirt.version} answers"
        return Finding(Code.LIBVIRT, Level.OK, libvirt.uri, text, evidence=answer)
    return Finding(
        Code.LIBVIRT_UNREACHABLE,
        Level.FAILS if libvirt.wanted else Level.WARNING,
        libvirt.uri,
        "libvirt does not answer: its domains and networks are unknown",
        libvirt.error,
        (Reading(libvirt.uri, libvirt.attempt),),
        "Start libvirtd (or virtqemud and virtnetworkd), or choose another with --connect; on a "
        "KubeVirt node libvirt runs in each VM's pod, and the findings on the host still apply",
    )
