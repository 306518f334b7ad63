# SPDX-License-Identifier: Apache-2.0
"""What a VM asks for, as read from its VMI."""

from dataclasses import dataclass, field
from enum import StrEnum

from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress

MAX_TOTAL = 32
"""Largest total that ``kubevirt.io/interface`` and its siblings may ask for."""

MAX_PORTS = 255
"""Most root ports that a domain can have: each leads to a bus, and one of 256 is the root."""

MAX_VLAN = 4094
"""Largest VLAN id; 802.1Q reserves 0 and 4095."""


@dataclass(frozen=True, slots=True)
class VmiIdentity:
    """Names the VMI in logs and errors; parts are empty where the VMI lacks them."""

    namespace: str = ""
    name: str = ""
    uid: str = ""


@dataclass(frozen=True, slots=True)
class Network:
    """An interface of ``spec.domain.devices.interfaces``.

    ``sriov`` tells that KubeVirt attaches it as a plain ``<hostdev>``; ``virtio`` that
    its model is virtio (or not given, which is the same).
    """

    name: str
    mac: MacAddress | None = None
    sriov: bool = False
    virtio: bool = True


@dataclass(frozen=True, slots=True)
class DeviceTotal:
    """A total of devices that the VM may come to have, and how many it defines now.

    ``where`` names the field or annotation that asked, for errors. ``uncertain`` names those
    that the VMI lists and the domain perhaps lacks; ``defined`` does not count them.
    """

    total: int
    defined: int
    where: str
    uncertain: frozenset[str] = frozenset()

    @property
    def missing(self) -> int:
        """Ports to keep free for this kind of device (0 or more), if no uncertain one is there."""
        return self.missing_beside(0)

    def missing_beside(self, present: int) -> int:
        """Ports to keep free, when the domain has so many of the uncertain devices."""
        return max(0, self.total - self.defined - present)


@dataclass(frozen=True, slots=True)
class TeamingPair:
    """A transient device (VF) and the persistent virtio NIC it teams with, by network name."""

    transient: str
    persistent: str
    where: str


class AttachAs(StrEnum):
    """The element that carries a VF: plain ``<hostdev>`` or ``<interface>``."""

    HOSTDEV = "hostdev"
    INTERFACE = "interface"


class NativeMode(StrEnum):
    """libvirt's ``nativeMode`` of a VLAN tag."""

    TAGGED = "tagged"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True)
class Vlan:
    """VLAN tags of a VF: one tag, or a trunk of several, of which one may be native.

    Raises:
        RequestError: no tag, a tag outside 1 to 4094, a duplicate, a native tag that is
            not among the tags or that has no trunk (libvirt: `"trunk='no'" is not
            allowed with a native vlan id`), or a native mode without a native tag.
    """

    tags: tuple[int, ...]
    trunk: bool = False
    native: int | None = None
    native_mode: NativeMode | None = None

    def __post_init__(self) -> None:
        if not self.tags:
            raise RequestError("a VLAN has at least one id", found="none")
        if len(self.tags) > 1 and not self.trunk:
            raise RequestError("a VLAN without trunk has exactly one id", found=str(self.tags))
        for tag in self.tags:
            if not 1 <= tag <= MAX_VLAN:
                raise RequestError(
                    "VLAN id is out of range", found=str(tag), expected=f"1 to {MAX_VLAN}"
                )
        if len(set(self.tags)) != len(self.tags):
            raise RequestError("a VLAN id stands twice", found=str(self.tags))
        if self.native is not None and self.native not in self.tags:
            raise RequestError(
                "the native VLAN is not among the trunk's ids",
                found=str(self.native),
                expected=f"one of {self.tags}",
            )
        if self.native is not None and not self.trunk:
            raise RequestError("a native VLAN belongs to a trunk", found=str(self.native))
        if self.native_mode is not None and self.native is None:
            raise RequestError("a native mode without a native VLAN", found=self.native_mode)


@dataclass(frozen=True, slots=True)
class VfEntry:
    """A virtual function to add to the domain (an entry of ``portside.io/vfs``).

    ``address`` is the VF on the host: given by the entry, or found for its pool in
    ``portside.io/vf-allocations``; ``None`` for a pool entry without allocation.
    ``where`` is the path of the entry, for errors.
    """

    name: str
    attach_as: AttachAs
    where: str
    pool: str | None = None
    address: PciAddress | None = None
    mac: MacAddress | None = None
    vlan: Vlan | None = None
    team: str | None = None
    managed: bool | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """All that a VMI asks of Portside.

    ``networks`` are the interfaces that the domain has (none with ``state: absent``);
    a VMI with no key of ours leaves them, as all else but its identity, unread.
    ``bound`` names those of a binding plugin: the domain may lack them when we are asked,
    since the plugin's own hook adds them after us, or never.
    ``topology_version`` is the VMI's ``kubevirt.io/pci-topology-version``: ``v3`` says
    that this KubeVirt calls the hook more than once before a boot.
    ``migration_target`` tells that the VMI is on its way here: KubeVirt calls once, without
    SR-IOV devices, and throws the answer away.
    ``root_complex`` tells that KubeVirt places devices on bus 0 itself
    (``kubevirt.io/placePCIDevicesOnRootComplex``), ``transitional`` that it makes virtio
    devices of model virtio-transitional (``devices.useVirtioTransitional``).
    """

    vmi: VmiIdentity = field(default_factory=VmiIdentity)
    networks: tuple[Network, ...] = ()
    bound: frozenset[str] = frozenset()
    interfaces: DeviceTotal | None = None
    disks: DeviceTotal | None = None
    host_devices: DeviceTotal | None = None
    max_ports: int | None = None
    teaming: tuple[TeamingPair, ...] = ()
    vfs: tuple[VfEntry, ...] = ()
    topology_version: str | None = None
    migration_target: bool = False
    root_complex: bool = False
    transitional: bool = False

    @property
    def free_ports(self) -> int:
        """Ports that must be free when the domain boots, if no uncertain device is there."""
        totals = (self.interfaces, self.disks, self.host_devices)
        return sum(total.missing for total in totals if total is not None)

    @property
    def pairs(self) -> tuple[TeamingPair, ...]:
        """All pairs to team: of ``portside.io/teaming``, then those of the VF entries."""
        return self.teaming + tuple(
            TeamingPair(entry.name, entry.team, f"{entry.where}.team")
            for entry in self.vfs
            if entry.team is not None
        )

    @property
    def asks_nothing(self) -> bool:
        """Whether the domain goes back untouched; ``max_ports`` may still refuse it."""
        return not (self.free_ports or self.teaming or self.vfs)
