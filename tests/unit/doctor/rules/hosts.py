# SPDX-License-Identifier: Apache-2.0
"""A host on which all is well, to plant one fault in."""

from dataclasses import replace

from sidecar.doctor.rules.examine import examine
from sidecar.doctor.rules.facts import DriverTraits, Facts, LibvirtFacts, PfFacts, PoolFacts
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.domainxml.domain_needs import read_needs
from sidecar.model.host_facts import DeviceNode, IommuFacts, QemuUser, Reading, VfioFacts
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PoolDefinition
from sidecar.model.vf import (
    Evidence,
    Inventory,
    NetInterface,
    PciId,
    PhysicalFunction,
    Source,
    Usage,
    Verdict,
    VirtualFunction,
)
from tests.unit.domainxml.trees import written

PF = PciAddress.parse("0000:01:00.0")
OTHER_PF = PciAddress.parse("0000:02:00.0")
QEMU = 64055
FREE = Usage((Evidence(Verdict.FREE, "switched off"),))


def vf_address(index: int, pf: PciAddress = PF) -> PciAddress:
    return PciAddress(pf.domain, pf.bus, 0x10, 2 * index)


def interface(name: str = "eth1", *, up: bool = True) -> NetInterface:
    return NetInterface(name, up, "up" if up else "down", None, ())


def make_vf(index: int, pf: PciAddress = PF, driver: str | None = "igbvf") -> VirtualFunction:
    nets = (interface(f"eth1v{index}", up=False),) if driver == "igbvf" else ()
    ten_ca = PciId(0x8086, 0x10CA)
    return VirtualFunction(
        vf_address(index, pf), ten_ca, driver, nets, 20 + index, None, pf, index, 0
    )


def make_pf(
    count: int = 2,
    *,
    address: PciAddress = PF,
    driver: str | None = "igb",
    nets: tuple[NetInterface, ...] = (interface(),),
) -> PhysicalFunction:
    vfs = tuple(make_vf(index, address) for index in range(count))
    return PhysicalFunction(
        address, PciId(0x8086, 0x10C9), driver, nets, 14, None, totalvfs=7, vfs=vfs
    )


def pf_facts(pf: PhysicalFunction | None = None, driver: DriverTraits | None = None) -> PfFacts:
    pf = pf or make_pf()
    traits = driver or DriverTraits(limit=7, hints=("igb makes at most 7 VFs.",))
    return PfFacts(pf, traits, pf.numvfs, PfRecord(pf.address))


def pool_facts(**changes: object) -> PoolFacts:
    pool = PoolFacts(PoolDefinition("pool", "eth1", 2), PF, active=True, autostart=True)
    return replace(pool, **changes)  # type: ignore[arg-type] # any field, by its name


IOMMU = IommuFacts(9, ("dmar0",), "quiet intel_iommu=on iommu=pt", {14: "identity"})
VFIO = VfioFacts(
    loaded=True,
    available=True,
    release="6.12",
    nodes=(DeviceNode("/dev/vfio/vfio", 0, 0, 0o666), DeviceNode("/dev/vfio/20", 0, 0, 0o600)),
    rules=(),
    user=QemuUser("libvirt-qemu", QEMU, frozenset({993})),
    dynamic_ownership=True,
    conf=Reading("/etc/libvirt/qemu.conf", "libvirt's defaults"),
    confined=True,
    profiles={"/etc/apparmor.d/abstractions/libvirt-qemu": ("/dev/vfio/vfio rw,",)},
)
LIBVIRT = LibvirtFacts("qemu:///system", "11.3.0", networks={"pool": True})


def healthy(*pfs: PfFacts, **changes: object) -> Facts:
    """Facts of a host on which all is well, with changes."""
    pfs = pfs or (pf_facts(),)
    functions = tuple(one.pf for one in pfs)
    usages = {vf.address: FREE for one in pfs for vf in one.vfs}
    facts = Facts(IOMMU, pfs, Inventory(functions, usages), VFIO, LIBVIRT, (pool_facts(),))
    return replace(facts, **changes)  # type: ignore[arg-type] # any field, by its name


def used(facts: Facts, index: int, who: str, *, holder: str = "") -> Facts:
    """Let somebody use a VF; a running domain if ``holder`` names it."""
    usage = Usage((Evidence(Verdict.IN_USE, f"{who} has it", who, Source.PROCESSES),))
    usages = dict(facts.inventory.usages) | {vf_address(index): usage}
    holders = dict(facts.holders) | ({vf_address(index): holder} if holder else {})
    return replace(facts, inventory=Inventory(facts.inventory.pfs, usages), holders=holders)


def with_domain(facts: Facts, *devices: str) -> Facts:
    """Ask about a domain of these devices; the VFs of the host are there."""
    needs = read_needs(written(*devices))
    return replace(facts, domain=needs, present=frozenset(facts.inventory.usages))


def bad(facts: Facts) -> list[Finding]:
    """Return what is not fine."""
    return [finding for finding in examine(facts) if finding.level is not Level.OK]


def only(facts: Facts) -> Finding:
    """Return the one thing that is not fine, and complete enough to act on."""
    (finding,) = bad(facts)
    assert finding.remedy
    assert finding.evidence
    return finding


def codes(facts: Facts) -> list[Code]:
    return [finding.code for finding in bad(facts)]
