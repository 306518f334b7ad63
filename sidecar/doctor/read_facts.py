# SPDX-License-Identifier: Apache-2.0
"""The doctor: reads all that its rules ask for. Nothing is changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sidecar.doctor.read_libvirt import Answers, ask_libvirt
from sidecar.doctor.read_pools import read_pools
from sidecar.doctor.rules.examine import examine
from sidecar.doctor.rules.facts import DriverTraits, Facts, LibvirtFacts, PfFacts
from sidecar.doctor.rules.finding import Finding
from sidecar.domainxml.domain_needs import DomainNeeds, read_needs
from sidecar.errors import HostError
from sidecar.host.drivers import driver_named
from sidecar.host.groups import reserved_regions
from sidecar.host.iommu import read_iommu
from sidecar.host.numvfs import read_numvfs
from sidecar.host.small_files import is_switched_on
from sidecar.host.vfio import read_vfio
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfView
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.observe import observe_host
from sidecar.virt.domains import Domain

ROOT: Final = Path("/")
_PROBE_SECONDS: Final = 2.0
"""Patience with a PF's own number of VFs: the kernel tells it in microseconds, or never."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the doctor is asked about, besides the host.

    Args:
        uri: of libvirt, for people.
        pool: a pool's name, empty for all.
        domain: a domain's name at libvirt, empty for none.
        xml: a domain's XML, in place of a name.
        insists: whether libvirt was named on purpose: then it must answer.
    """

    uri: str
    pool: str = ""
    domain: str = ""
    xml: bytes | None = None
    insists: bool = False


def diagnose(node: Node, question: Question, root: Path = ROOT) -> tuple[Finding, ...]:
    """Read the host and say what will fail on it.

    Args:
        node: the host.
        question: what else it is about.
        root: of the host's files.

    Raises:
        RequestError: the domain's XML makes no sense.
        HostError: the PCI devices cannot be listed; or no such domain or pool.
    """
    return examine(_read_facts(node, question, root))


def _read_facts(node: Node, question: Question, root: Path) -> Facts:
    # First of all: whoever gives bad XML need not wait.
    needs = None if question.xml is None else read_needs(question.xml)
    answers = ask_libvirt(node)
    seen = observe_host(node, answers.guests)
    inventory, views = seen.inventory, seen.views
    if needs is None and question.domain and not answers.error:
        needs = read_needs(_find_domain(answers, question).xml)
    pools = tuple(read_pools(node.store, inventory, answers, question.pool))
    addresses = {pool.pf for pool in pools} if question.pool else None
    pfs = [pf for pf in inventory.pfs if addresses is None or pf.address in addresses]
    return Facts(
        iommu=read_iommu(node.sysfs, node.proc, pfs),
        pfs=tuple(
            _read_pf(node, pf, None if pf.address in seen.unreadable else views[pf.address])
            for pf in pfs
        ),
        inventory=inventory,
        assessments=seen.assessments,
        vfio=read_vfio(root, node.sysfs.root, node.proc),
        libvirt=_describe_libvirt(answers, question),
        pools=pools,
        holders={one.vf: one.domain for one in answers.guests.devices if one.live},
        present=_find_present(node, needs),
        shared={vf: found for view in views.values() for vf, found in view.shared_groups.items()},
        reserved=_read_reserved(node, pfs, needs),
        macs=_read_macs(node, inventory, needs),
        state_error=seen.error,
        domain=needs,
        running=needs is not None and _runs(answers, needs.name),
        wanted_pool=question.pool,
    )


def _find_domain(answers: Answers, question: Question) -> Domain:
    for domain in answers.domains:
        if domain.name == question.domain:
            return domain
    raise HostError(
        "no such domain, and no such file",
        where=f"{question.uri}, domain {question.domain}",
        found=", ".join(domain.name for domain in answers.domains) or "no domain",
        expected="the name of a domain, the path of its XML, or - (standard input)",
    )


def _runs(answers: Answers, name: str) -> bool:
    return any(domain.active and domain.name == name for domain in answers.domains)


def _read_pf(node: Node, pf: PhysicalFunction, view: PfView | None) -> PfFacts:
    return PfFacts(
        pf=pf,
        driver=_traits(node, pf),
        answer=read_numvfs(node.sysfs, pf.address, _PROBE_SECONDS),
        record=None if view is None else view.record,
        quarantine="" if view is None else view.quarantine,
        leases=() if view is None else tuple(view.leases.values()),
    )


def _traits(node: Node, pf: PhysicalFunction) -> DriverTraits:
    if pf.driver is None or pf.driver is UNKNOWN:
        return DriverTraits()
    known = driver_named(pf.driver)
    path = node.sysfs.root / "module/vfio_pci/parameters/enable_sriov"
    allowed = pf.driver == "vfio-pci" and is_switched_on(path)
    return DriverTraits(known.limit, known.configures or allowed, known.needs_pf_up, known.hints)


def _describe_libvirt(answers: Answers, question: Question) -> LibvirtFacts:
    return LibvirtFacts(
        uri=question.uri,
        version=answers.version,
        error=answers.error,
        attempt=answers.attempt,
        wanted=bool(question.pool or question.domain or question.insists),
        networks={network.name: network.active for network in answers.networks},
    )


def _find_present(node: Node, needs: DomainNeeds | None) -> frozenset[PciAddress]:
    devices = () if needs is None else needs.devices
    addresses = (device.address for device in devices if device.address is not None)
    return frozenset(one for one in addresses if (node.sysfs.devices / str(one)).exists())


def _read_reserved(
    node: Node, pfs: Iterable[PhysicalFunction], needs: DomainNeeds | None
) -> Mapping[PciAddress, tuple[int, tuple[str, ...]]]:
    """Look at the VFs of network cards, and at whatever the domain names."""
    cards = (pf.vfs for pf in pfs if pf.network_card and pf.vfs is not UNKNOWN)
    addresses = {vf.address: None for vfs in cards for vf in vfs}
    devices = () if needs is None else needs.devices
    addresses |= {one.address: None for one in devices if one.address is not None}
    found = {address: reserved_regions(node.sysfs, address) for address in addresses}
    return {address: regions for address, regions in found.items() if regions is not None}


def _read_macs(
    node: Node, inventory: Inventory, needs: DomainNeeds | None
) -> Mapping[PciAddress, MacAddress]:
    """Read what the PFs have set for the plain hostdevs of the domain's teams."""
    macs = {}
    for device in () if needs is None else needs.devices:
        if device.tag != "hostdev" or device.team != "transient" or device.address is None:
            continue
        vf = inventory.find(device.address)
        mac = _read_mac(node, inventory, vf) if isinstance(vf, VirtualFunction) else None
        if mac is not None:
            macs[device.address] = mac
    return macs


def _read_mac(node: Node, inventory: Inventory, vf: VirtualFunction) -> MacAddress | None:
    pf = inventory.find(vf.physfn)
    if pf is None or pf.interfaces is UNKNOWN or not pf.interfaces:
        return None
    try:
        return node.links.read_settings(pf.interfaces[0].name, vf.index).mac
    except HostError:
        return None  # a PF that is no network card; the finding on the PF says what else
