# SPDX-License-Identifier: Apache-2.0
"""What the kernel tells of the IOMMU."""

from collections.abc import Iterable
from pathlib import Path

from sidecar.host.groups import no_iommu
from sidecar.host.small_files import is_switched_on, names_in, read
from sidecar.host.sysfs import Sysfs
from sidecar.model.host_facts import IommuFacts
from sidecar.model.vf import UNKNOWN, PhysicalFunction


def read_iommu(sysfs: Sysfs, proc: Path, pfs: Iterable[PhysicalFunction]) -> IommuFacts:
    """Read the IOMMU's groups, its units, and how the PFs' groups are served.

    Args:
        sysfs: the host's.
        proc: root of the host's procfs.
        pfs: whose groups are looked at, where they are network cards.
    """
    groups = names_in(sysfs.root / "kernel/iommu_groups")
    units = names_in(sysfs.root / "class/iommu")
    line = read(proc / "cmdline")
    types = {}
    for pf in pfs:
        if not pf.network_card or pf.iommu_group is None or pf.iommu_group is UNKNOWN:
            continue
        kind = read(sysfs.root / f"kernel/iommu_groups/{pf.iommu_group}/type")
        if isinstance(kind, str):
            types[pf.iommu_group] = kind
    return IommuFacts(
        groups=UNKNOWN if groups is UNKNOWN else 0 if no_iommu(sysfs) else len(groups or ()),
        units=() if units is None else units,
        command_line=UNKNOWN if line is None else line,
        types=types,
        no_iommu=is_switched_on(sysfs.root / "module/vfio/parameters/enable_unsafe_noiommu_mode"),
    )
