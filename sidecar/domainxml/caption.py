# SPDX-License-Identifier: Apache-2.0
"""What people call a device: the words for pictures of a domain."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from lxml import etree

from sidecar.domainxml.addressing.classify import model_of
from sidecar.domainxml.addressing.inventory import Device
from sidecar.domainxml.reservation.placeholders import is_placeholder
from sidecar.domainxml.vfs import ALIAS, host_address

_NETWORK = "ua-"
_VF_ALIASES = ("ua-sriov-", ALIAS)
_CONTROLLERS = {"scsi": "SCSI", "usb": "USB", "sata": "SATA", "ide": "IDE"}
_NAMES = {"memballoon": "balloon", "rng": "RNG", "iommu": "IOMMU"}


class DeviceKind(StrEnum):
    """Sorts of devices that a picture tells apart."""

    NIC = "nic"
    VF = "vf"
    """A virtual function, as plain hostdev, interface, or interface of a pool."""
    HOST_DEVICE = "host-device"
    DISK = "disk"
    CONTROLLER = "controller"
    PLACEHOLDER = "placeholder"
    """A NIC that only keeps a port until the domain boots."""
    OTHER = "other"
    CHIPSET = "chipset"
    """Part of the board: neither the domain nor libvirt adds it."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A device in words.

    ``title`` is short (``NIC default``), ``details`` are further facts of a word or two
    (``52:54:00:00:00:01``), ``team`` is its part in one (``transient of standby``), ``key``
    tells the device in two states of one domain.
    """

    kind: DeviceKind
    title: str
    details: tuple[str, ...] = ()
    team: str = ""
    key: str = ""

    @property
    def facts(self) -> tuple[str, ...]:
        """Everything but the title."""
        return (*self.details, self.team) if self.team else self.details


def caption(device: Device) -> Caption:
    """Put a device into words."""
    element = device.element
    if element is None:
        return _by_name(device)
    if is_placeholder(element):
        return _placeholder(element)
    special = _SPECIAL.get(str(element.tag))
    return _by_name(device) if special is None else special(element)


def clean(text: str) -> str:
    """Make text from XML one line that is safe to print: no control or layout characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text.strip())


def _make(kind: DeviceKind, title: str, *details: str | None, key: str, team: str = "") -> Caption:
    shown = tuple(clean(detail) for detail in details if detail)
    return Caption(kind, clean(title), shown, clean(team), key)


def _by_name(device: Device) -> Caption:
    """Caption what has no name of its own, or is not in the XML at all."""
    model = device.model or (None if device.element is None else model_of(device.element))
    shown = "virtio" if model == "virtio-non-transitional" else model
    bus = device.kind.removeprefix("controller-")
    if bus == device.kind:
        return _make(DeviceKind.OTHER, _NAMES.get(bus, bus), shown, key=bus)
    title = f"{_CONTROLLERS[bus]} controller" if bus in _CONTROLLERS else bus
    number = f" {device.index}" if device.index else ""
    # USB 2 companions share their index.
    key = f"{device.kind} {device.index} {device.function}"
    return _make(DeviceKind.CONTROLLER, title + number, shown, key=key)


def _placeholder(nic: etree._Element) -> Caption:
    dev = _attribute(nic, "target", "dev")
    return _make(DeviceKind.PLACEHOLDER, "placeholder", dev, key=f"placeholder {dev}")


def _interface(nic: etree._Element) -> Caption:
    if nic.get("type") == "hostdev" or _role(nic) == "transient":
        return _vf(nic)
    mac, kind = _attribute(nic, "mac", "address"), nic.get("type", "")
    name = _alias(nic).removeprefix(_NETWORK) or model_of(nic) or kind
    team = "persistent" if _role(nic) == "persistent" else ""
    key = _identity(nic, mac or name)
    return _make(DeviceKind.NIC, f"NIC {name}", mac, key=f"NIC {key}", team=team)


def _hostdev(hostdev: etree._Element) -> Caption:
    alias = _alias(hostdev)
    if alias.startswith(_VF_ALIASES) or _role(hostdev) == "transient":
        return _vf(hostdev)
    address = host_address(hostdev)
    where = str(address) if address else _attribute(hostdev, "source/address", "uuid")
    name = alias.removeprefix(_NETWORK)
    key = _identity(hostdev, where)
    return _make(DeviceKind.HOST_DEVICE, f"host device {name}", where, key=f"hostdev {key}")


def _vf(element: etree._Element) -> Caption:
    alias = _alias(element)
    prefixes = (*_VF_ALIASES, _NETWORK)
    name = next((alias.removeprefix(p) for p in prefixes if alias.startswith(p)), alias)
    address, pool = host_address(element), _attribute(element, "source", "network")
    where = str(address) if address else f"pool {pool}"
    partner = _attribute(element, "teaming", "persistent").removeprefix(_NETWORK)
    team = f"transient of {partner}" if partner else ""
    mac, key = _attribute(element, "mac", "address"), _identity(element, where)
    return _make(DeviceKind.VF, f"VF {name}", where, mac, key=f"VF {key}", team=team)


def _disk(disk: etree._Element) -> Caption:
    dev, alias = _attribute(disk, "target", "dev"), _alias(disk).removeprefix(_NETWORK)
    title = f"{disk.get('device', 'disk')} {dev}"
    return _make(DeviceKind.DISK, title, alias, key=f"disk {dev}")


def _filesystem(filesystem: etree._Element) -> Caption:
    name = _attribute(filesystem, "target", "dir")
    return _make(DeviceKind.OTHER, "filesystem", name, key=f"filesystem {name}")


def _input(device: etree._Element) -> Caption:
    title = f"input {device.get('type', '')}"
    return _make(DeviceKind.OTHER, title, device.get("model"), key=title)


_SPECIAL: dict[str, Callable[[etree._Element], Caption]] = {
    "interface": _interface,
    "hostdev": _hostdev,
    "disk": _disk,
    "filesystem": _filesystem,
    "input": _input,
}


def _identity(element: etree._Element, otherwise: str) -> str:
    """Tell an element by its user alias, which libvirt and KubeVirt keep, or by something else."""
    alias = _alias(element)
    return alias if alias.startswith(_NETWORK) else otherwise


def _role(element: etree._Element) -> str:
    return _attribute(element, "teaming", "type")


def _alias(element: etree._Element) -> str:
    return _attribute(element, "alias", "name")


def _attribute(element: etree._Element, path: str, name: str) -> str:
    found = element.find(path)
    return "" if found is None else found.get(name, "")
