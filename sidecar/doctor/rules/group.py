# SPDX-License-Identifier: Apache-2.0
"""Has each VF an IOMMU group of its own, and may that go to a guest?"""

from collections.abc import Iterator, Mapping, Sequence

from sidecar.doctor.rules.facts import PfFacts
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.model.host_facts import Reading
from sidecar.model.pci import PciAddress
from sidecar.model.vf import VirtualFunction


def examine_groups(
    pfs: Sequence[PfFacts], shared: Mapping[PciAddress, tuple[str, ...]]
) -> Iterator[Finding]:
    """Say which VFs cannot go to a guest alone, once for each group.

    Args:
        pfs: the PFs whose VFs may go to a guest.
        shared: for a VF whose group has others, those.
    """
    seen: set[object] = set()
    for pf in pfs:
        for vf in pf.vfs:
            others = shared.get(vf.address, ())
            if others and vf.iommu_group not in seen:
                seen.add(vf.iommu_group)
                yield _shared(pf, vf, others)


def _shared(pf: PfFacts, vf: VirtualFunction, others: tuple[str, ...]) -> Finding:
    group = str(vf.iommu_group)
    return Finding(
        Code.GROUP_SHARED,
        Level.FAILS,
        f"{pf.name}, VF {vf.index} {vf.address}",
        f"its IOMMU group {group} has other devices, which are not bound to VFIO: a guest can "
        "only get a group as a whole. A domain with teaming starts anyway, but its VF does not "
        "work",
        f"vfio {vf.address}: group {group} is not viable",
        (
            Reading(
                f"/sys/kernel/iommu_groups/{group}/devices", "; ".join((f"{vf.address}", *others))
            ),
        ),
        "Put the card into a slot whose root port has ACS, switch ACS on in the firmware setup, "
        "or use another card",
    )


def examine_reserved(
    reserved: Mapping[PciAddress, tuple[int, tuple[str, ...]]],
) -> Iterator[Finding]:
    """Say which devices the kernel gives to no guest for the firmware's sake, once for each group.

    Args:
        reserved: for a device, its group and the regions that must stay mapped one to one.
    """
    seen: set[int] = set()
    for address, (group, regions) in reserved.items():
        if group not in seen:
            seen.add(group)
            yield Finding(
                Code.GROUP_RESERVED,
                Level.FAILS,
                f"PCI device {address}",
                f"the host's firmware has memory reserved for devices of its IOMMU group {group} "
                "(RMRR, IVMD), so the kernel gives none of them to a guest",
                "Failed to set group container: Operation not permitted; in the kernel's log: "
                "Device is ineligible for IOMMU domain attach due to platform RMRR requirement. "
                "Contact your platform vendor.",
                (
                    Reading(
                        f"/sys/kernel/iommu_groups/{group}/reserved_regions", "; ".join(regions)
                    ),
                ),
                "Switch off in the firmware's setup what shares memory with the card (remote "
                "management and health monitoring of its slot), or update the firmware; the "
                "platform's vendor knows",
            )
