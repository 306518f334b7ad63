# SPDX-License-Identifier: Apache-2.0
"""The devices that a VMI defines: ``spec.domain.devices``."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.request import Network
from sidecar.vmi.field import Field, describe, enumerate_names

# KubeVirt's admission (``validateInterfaceNameFormat``); so a name is safe in XML, too.
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_BUS_CARRIERS = ("disk", "lun", "cdrom")
_BINDINGS = ("binding", "slirp", "passt", "macvtap")
"""Fields of an interface that KubeVirt leaves to a plugin, the last three from old releases.

Whether it puts a device into the domain depends on the cluster's configuration
(``domainAttachmentType``), which no hook sees; a plugin's sidecar is asked after ours.
"""
_VIRTIO = "virtio"
_ROOT_COMPLEX = "kubevirt.io/placePCIDevicesOnRootComplex"
_ABSENT = "absent"
"""State of an interface that is to be unplugged, or never to be plugged at all."""


@dataclass(frozen=True, slots=True)
class Interfaces:
    """The networks that the domain has an interface on, and the names of absent ones.

    ``bound`` are those networks whose interface a binding plugin makes, or nobody.
    """

    networks: tuple[Network, ...]
    absent: frozenset[str]
    bound: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Disks:
    """Disks on PCI ports of their own: how many there are, and the names of hot-plugged ones."""

    defined: int
    hotplugged: frozenset[str]


def read_interfaces(vmi: Field) -> Interfaces:
    """Read ``interfaces``.

    Raises:
        RequestError: the list is malformed, or a name stands twice.
    """
    networks: list[Network] = []
    absent: set[str] = set()
    bound: set[str] = set()
    names: set[str] = set()
    for interface in _elements(vmi, "interfaces"):
        name = interface.get("name")
        if name is None:
            raise interface.refuse("an interface without a name", "the name of a network")
        if _NAME.fullmatch(name.text()) is None:
            raise name.refuse("not a network's name", "letters, digits, dashes and underscores")
        if name.text() in names:
            raise name.refuse("two interfaces have one name", "a name of its own")
        names.add(name.text())
        if _value(interface, "state") == _ABSENT:
            absent.add(name.text())
        else:
            networks.append(_network(interface, name.text()))
            if any(_value(interface, key) is not None for key in _BINDINGS):
                bound.add(name.text())
    return Interfaces(tuple(networks), frozenset(absent), frozenset(bound))


def _network(interface: Field, name: str) -> Network:
    mac = interface.get("macAddress")
    return Network(
        name=name,
        # Go leaves an empty text out when it writes JSON; a user's file may have it.
        mac=mac.parse(MacAddress.parse) if mac is not None and mac.value != "" else None,
        sriov=interface.get("sriov") is not None,
        # KubeVirt's default model is virtio.
        virtio=_value(interface, "model") in (None, "", _VIRTIO),
        binding=_binding(interface),
    )


def _binding(interface: Field) -> str | None:
    name = _value(interface, "binding", "name")
    return name if isinstance(name, str) else None


def read_host_device_names(vmi: Field) -> frozenset[str]:
    """Return the names of ``hostDevices``, each of which may be a VF."""
    return _names(vmi, "hostDevices")


def read_gpu_names(vmi: Field) -> frozenset[str]:
    """Return the names of ``gpus``."""
    return _names(vmi, "gpus")


def _names(vmi: Field, kind: str) -> frozenset[str]:
    names = (_value(device, "name") for device in _elements(vmi, kind))
    return frozenset(name for name in names if isinstance(name, str))


def read_disks(vmi: Field) -> Disks:
    """Read the disks that sit on a PCI port of their own: those on bus virtio.

    KubeVirt's defaults write the bus into every disk before a hook sees it
    (``pkg/defaults``); other buses have one controller for all disks. A hot-plugged volume
    stands among the disks too, and is in the domain only if it was ready before the boot.
    """
    names = [
        name if isinstance(name := _value(disk, "name"), str) else ""
        for disk in _elements(vmi, "disks")
        if any(_value(disk, carrier, "bus") == _VIRTIO for carrier in _BUS_CARRIERS)
    ]
    hotplugged = _hotplugged_volumes(vmi).intersection(names) if names else frozenset()
    return Disks(sum(name not in hotplugged for name in names), frozenset(hotplugged))


def _hotplugged_volumes(vmi: Field) -> frozenset[str]:
    """Name the volumes that are plugged into the running VM."""
    volumes = vmi.get("spec", "volumes")
    names = set()
    for volume in [] if volumes is None else volumes.elements():
        sources = [source for source in volume.members().values() if isinstance(source.value, dict)]
        name = _value(volume, "name")
        if isinstance(name, str) and any(_value(one, "hotpluggable") is True for one in sources):
            names.add(name)
    return frozenset(names)


def count_host_devices(vmi: Field) -> int:
    """Return how many host devices and GPUs the VMI defines."""
    return sum(1 for kind in ("gpus", "hostDevices") for _ in _elements(vmi, kind))


def on_root_complex(vmi: Field) -> bool:
    """Whether KubeVirt itself places the devices, on bus 0."""
    return _value(vmi, "metadata", "annotations", _ROOT_COMPLEX) == "true"


def uses_transitional(vmi: Field) -> bool:
    """Whether KubeVirt makes virtio devices of model virtio-transitional.

    Raises:
        RequestError: the field is no boolean.
    """
    found = vmi.get("spec", "domain", "devices", "useVirtioTransitional")
    return found is not None and found.boolean()


def _elements(vmi: Field, kind: str) -> Iterator[Field]:
    listed = vmi.get("spec", "domain", "devices", kind)
    if listed is not None:
        yield from listed.elements()


def _value(field: Field, *keys: str) -> object:
    found = field.get(*keys)
    return None if found is None else found.value


def find_network(interfaces: Interfaces, name: str, where: str, expected: str) -> Network:
    """Return the network of a name.

    Raises:
        RequestError: no interface has the name, or the interface is absent.
    """
    for network in interfaces.networks:
        if network.name == name:
            return network
    names = enumerate_names(network.name for network in interfaces.networks)
    what = "the network's interface is absent" if name in interfaces.absent else "no such network"
    raise RequestError(
        what, where=where, found=describe(name), expected=f"{expected}; the VMI has {names}"
    )
