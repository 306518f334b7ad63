# SPDX-License-Identifier: Apache-2.0
"""What a VM asks for, as read from its VMI."""

from dataclasses import dataclass, field
from enum import StrEnum

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan

MAX_TOTAL = 32
"""Largest total that ``kubevirt.io/interface`` and its siblings may ask for."""

MAX_PORTS = 255
"""Most root ports that a domain can have: each leads to a bus, and one of 256 is the root."""


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
    its model is virtio (or not given, which is the same). ``binding`` is the name of its
    network binding plugin, ``None`` for KubeVirt's own bindings.
    """

    name: str
    mac: MacAddress | None = None
    sriov: bool = False
    virtio: bool = True
    binding: str | None = None


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
    """How a VF is attached: the element of the domain that carries it."""

    HOSTDEV = "hostdev"
    """A plain ``<hostdev>``: MAC and VLAN are set through the PF."""
    INTERFACE = "interface"
    """An ``<interface type='hostdev'>``: libvirt sets MAC and VLAN, and must see the PF."""
    NETWORK = "network"
    """An ``<interface type='network'>`` of a pool: libvirt chooses the VF as well."""


@dataclass(frozen=True, slots=True)
class VfEntry:
    """A virtual function to add to the domain (an entry of ``portside.io/vfs``).

    ``address`` is the VF on the host: given by the entry, or found for its pool in
    ``portside.io/vf-allocations``; ``None`` for a pool entry without allocation.
    ``attach_as`` is what the entry says, ``None`` if it does not.
    ``where`` is the path of the entry, for errors.
    """

    name: str
    attach_as: AttachAs | None
    where: str
    pool: str | None = None
    address: PciAddress | None = None
    mac: MacAddress | None = None
    vlan: PortVlan | None = None
    team: str | None = None
    managed: bool | None = None

    @property
    def kind(self) -> AttachAs:
        """How the VF is attached: a known one as a hostdev, unless the entry says otherwise."""
        if self.attach_as is not AttachAs.HOSTDEV and self.address is None:
            return AttachAs.NETWORK
        return self.attach_as or AttachAs.HOSTDEV


@dataclass(frozen=True, slots=True)
class HookSidecars:
    """What ``hooks.kubevirt.io/hookSidecars`` says of the order in which hooks are called.

    Args:
        listed: whether Portside is in the list.
        after: images that are called after it, as the list names them.
    """

    listed: bool = False
    after: tuple[str, ...] = ()


def repository_of(image: str) -> str:
    """Return the last part of an image's repository, without registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


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
    SR-IOV devices, and throws the answer away; what such a VMI asks is not read.
    ``host_device_names`` are those of ``spec.domain.devices.hostDevices``, any of which may
    be a VF; they are read if there is a pair. ``eviction_strategy`` is
    ``spec.evictionStrategy``, where KubeVirt writes the cluster's default at admission.
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
    host_device_names: frozenset[str] = frozenset()
    hook_sidecars: HookSidecars = field(default_factory=HookSidecars)
    eviction_strategy: str | None = None
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
