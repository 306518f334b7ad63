# SPDX-License-Identifier: Apache-2.0
"""What a host shows of its IOMMU and of VFIO, as values; ``UNKNOWN`` is what could not be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sidecar.model.vf import Unknown


@dataclass(frozen=True, slots=True)
class Reading:
    """Where something was read, and what: a file and its content, libvirt and its answer."""

    source: str
    content: str

    def __str__(self) -> str:
        return f"{self.source}: {self.content}"


@dataclass(frozen=True, slots=True)
class IommuFacts:
    """The IOMMU.

    Args:
        groups: how many IOMMU groups there are, without those that VFIO makes up.
        units: names of the IOMMUs that the kernel drives (``/sys/class/iommu``).
        command_line: the kernel's.
        types: by group, for groups of PFs: ``identity`` is passthrough, ``DMA`` and ``DMA-FQ``
            translate the host's own traffic too.
        no_iommu: whether VFIO may do without an IOMMU.
    """

    groups: int | Unknown
    units: tuple[str, ...] | Unknown
    command_line: str | Unknown
    types: Mapping[int, str] = field(default_factory=dict)
    no_iommu: bool = False


@dataclass(frozen=True, slots=True)
class DeviceNode:
    """A file in ``/dev/vfio``: owner and group by number, and the permission bits."""

    path: str
    uid: int
    gid: int
    mode: int


@dataclass(frozen=True, slots=True)
class QemuUser:
    """Who libvirt runs QEMU as; the numbers are ``None`` if the host knows no such user."""

    name: str
    uid: int | None
    gids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class VfioFacts:
    """VFIO, and whether QEMU may use it.

    Args:
        loaded: whether the driver vfio-pci is there.
        available: whether the running kernel has it, as a module or built in.
        release: the running kernel's.
        nodes: the files that VFIO has made.
        rules: udev's rules on them, each with its file.
        user: who QEMU runs as.
        dynamic_ownership: whether libvirt hands the files over to that user by itself.
        conf: the lines of qemu.conf that say so; empty if all are its defaults.
        confined: whether AppArmor confines libvirt's QEMUs.
        profiles: lines on ``/dev/vfio`` in the profiles, by file; files that exist.
    """

    loaded: bool
    available: bool | Unknown
    release: str
    nodes: tuple[DeviceNode, ...]
    rules: tuple[Reading, ...]
    user: QemuUser
    dynamic_ownership: bool
    conf: Reading
    confined: bool
    profiles: Mapping[str, Sequence[str]]
