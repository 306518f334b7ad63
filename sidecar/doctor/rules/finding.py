# SPDX-License-Identifier: Apache-2.0
"""What the doctor says: a finding, with what it rests on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sidecar.model.host_facts import Reading


class Level(StrEnum):
    """How bad it is."""

    FAILS = "fails"
    """What people want of this object will not work as things are."""
    WARNING = "warning"
    """It works, and not as most people want it; or it would fail if somebody wanted it."""
    OK = "ok"


class Code(StrEnum):
    """What a finding is about; stable, for programs and for the documentation."""

    IOMMU_OFF = "iommu-off"
    IOMMU_TRANSLATES = "iommu-translates"
    IOMMU = "iommu"
    NO_PF = "no-pf"
    PF_NO_DRIVER = "pf-no-driver"
    PF_NO_INTERFACE = "pf-no-interface"
    PF_DOWN = "pf-down"
    PF_DOWN_NO_VFS = "pf-down-no-vfs"
    PF_NO_VFS = "pf-no-vfs"
    PF_UNREADABLE = "pf-unreadable"
    PF_INFINIBAND = "pf-infiniband"
    PF_NOT_A_NIC = "pf-not-a-nic"
    DRIVER_NO_SRIOV = "driver-no-sriov"
    PF_WEDGED = "pf-wedged"
    PF_QUARANTINED = "pf-quarantined"
    PF_UNFINISHED = "pf-unfinished"
    VF_INSPECT = "vf-inspect"
    PF = "pf"
    VFIO_MISSING = "vfio-missing"
    VFIO_NOT_LOADED = "vfio-not-loaded"
    VFIO_PERMISSION = "vfio-permission"
    VFIO_APPARMOR = "vfio-apparmor"
    VFIO = "vfio"
    GROUP_SHARED = "group-shared"
    GROUP_RESERVED = "group-reserved"
    STATE_UNREADABLE = "state-unreadable"
    LIBVIRT_UNREACHABLE = "libvirt-unreachable"
    LIBVIRT = "libvirt"
    POOL_NO_PF = "pool-no-pf"
    POOL_ABOVE_TOTAL = "pool-above-total"
    POOL_ABOVE_LIMIT = "pool-above-limit"
    POOL_FEW_VFS = "pool-few-vfs"
    POOL_TOO_SMALL = "pool-too-small"
    POOL_EXHAUSTED = "pool-exhausted"
    POOL_ON_HOST = "pool-on-host"
    NETWORK_MISSING = "network-missing"
    NETWORK_INACTIVE = "network-inactive"
    NETWORK_NO_AUTOSTART = "network-no-autostart"
    POOL = "pool"
    NO_FREE_PORT = "no-free-port"
    INTERFACE_NO_MODEL = "interface-no-model"
    TEAM_NO_PARTNER = "team-no-partner"
    TEAM_TWO_PRIMARIES = "team-two-primaries"
    TEAM_MODEL = "team-model"
    TEAM_MAC = "team-mac"
    VF_MISSING = "vf-missing"
    VF_IN_USE = "vf-in-use"
    VF_NOT_DETACHED = "vf-not-detached"
    HOSTDEV_IS_PF = "hostdev-is-pf"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Args:
        code: what it is about.
        level: how bad it is.
        object: what it was found at: a PF, a pool, a device of a domain, or the host.
        text: what is the matter, in one clause.
        message: what libvirt, QEMU or the kernel says when it fails, as users meet it.
        evidence: what was read.
        remedy: how to fix it.
    """

    code: Code
    level: Level
    object: str
    text: str
    message: str = ""
    evidence: tuple[Reading, ...] = ()
    remedy: str = ""


_ORDER = {level: place for place, level in enumerate(Level)}


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Order findings: what fails comes first, and all else stays in its order."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.level]))


def any_fails(findings: Iterable[Finding]) -> bool:
    """Tell whether something will fail."""
    return any(finding.level is Level.FAILS for finding in findings)


def or_fine(findings: Iterable[Finding], fine: Finding) -> Iterator[Finding]:
    """Return findings, or that all is fine if there is none."""
    found = False
    for finding in findings:
        found = True
        yield finding
    if not found:
        yield fine
