# SPDX-License-Identifier: Apache-2.0
"""Devices that libvirt adds to a domain by itself.

Source: libvirt ``src/qemu/qemu_domain.c`` (``qemuDomainDefAddDefaultDevices``) and
``src/conf/domain_conf.c`` (``virDomainDefAddImplicitControllers``), 9.0 and 11.3.
"""

from collections.abc import Iterator

from lxml import etree

from sidecar.domainxml.address import describe, parse_decimal
from sidecar.domainxml.addressing.classify import disk_bus
from sidecar.domainxml.addressing.machine import Chipset, Machine
from sidecar.domainxml.document import child_of, devices_named
from sidecar.errors import RequestError

_DISKS_PER_CONTROLLER = {"scsi": 7, "sata": 6, "ide": 4}
_ORDER = ("scsi", "ide", "sata", "virtio-serial")
_LETTERS = 26
_MAX_INDEX = 2047
"""libvirt makes every controller up to the highest that a device names."""


def controllers(domain: etree._Element, machine: Machine) -> Iterator[tuple[str, int, str | None]]:
    """Yield type, index and model of the controllers that the domain implies.

    The caller drops those that it defines itself.
    """
    if machine.chipset is Chipset.Q35:
        yield "usb", 0, "qemu-xhci"
        yield "sata", 0, None
    elif machine.chipset in {Chipset.I440FX, Chipset.PSERIES}:
        yield "usb", 0, None
    last: dict[str, int] = {}
    for element in devices_named(domain, "disk", "channel", "console", "hostdev"):
        found = _implied(element)
        if found is not None:
            kind, index = found
            if index > _MAX_INDEX:
                raise RequestError(
                    f"the device needs too many {kind} controllers",
                    where=f"domain XML, {describe(element)}",
                    found=f"one for controller {index}, and all before it",
                    expected=f"a controller up to {_MAX_INDEX}",
                )
            last[kind] = max(last.get(kind, 0), index)
    for kind in _ORDER:
        for index in range(last.get(kind, -1) + 1):
            yield kind, index, None


def balloon(machine: Machine) -> bool:
    """Tell whether a domain without ``<memballoon>`` gets one."""
    return machine.arch != "aarch64"


def _implied(element: etree._Element) -> tuple[str, int] | None:
    tag = element.tag
    if tag == "disk":
        return _implied_by_disk(element)
    if tag in {"channel", "console"}:
        target = child_of(element, "target")
        virtio = target is not None and target.get("type") == "virtio"
        return ("virtio-serial", _controller_of(element)) if virtio else None
    if tag == "hostdev" and element.get("type") == "scsi":
        return "scsi", _controller_of(element)
    return None


def _implied_by_disk(disk: etree._Element) -> tuple[str, int] | None:
    bus = disk_bus(disk)
    per_controller = _DISKS_PER_CONTROLLER.get(bus)
    if per_controller is None:
        return None
    address = child_of(disk, "address")
    if address is not None and address.get("type") == "drive":
        return bus, _controller_of(disk)
    return bus, disk_number(disk) // per_controller


def _controller_of(element: etree._Element) -> int:
    """Read ``<address controller=...>``, 0 where there is none."""
    address = child_of(element, "address")
    text = "0" if address is None else address.get("controller", "0")
    return parse_decimal(text, element, "controller")


def disk_number(disk: etree._Element) -> int:
    """Turn a disk's target ``sdc`` into 2, ``sdaa`` into 26 (``virDiskNameToIndex``)."""
    target = child_of(disk, "target")
    name = "" if target is None else target.get("dev", "")
    number = 0
    for letter in name[2:6]:
        if not "a" <= letter <= "z":
            break
        number = number * _LETTERS + ord(letter) - ord("a") + 1
    return max(0, number - 1)
