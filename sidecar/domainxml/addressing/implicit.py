# SPDX-License-Identifier: Apache-2.0
"""Controllers and devices that libvirt adds to a domain by itself.

Source: libvirt ``src/qemu/qemu_postparse.c`` (``qemuDomainDefAddDefaultDevices``) and
``src/conf/domain_conf.c`` (``virDomainDefMaybeAddHostdevSCSIcontroller``,
``virDomainDefAddImplicitControllers``), 9.0 and 11.3.
"""

from collections.abc import Callable

from lxml import etree

from sidecar.domainxml.address import describe, parse_decimal
from sidecar.domainxml.addressing.classify import disk_bus
from sidecar.domainxml.addressing.machine import Chipset, Machine
from sidecar.domainxml.addressing.virtio_serial import SerialPorts
from sidecar.domainxml.document import child_of, devices_named
from sidecar.errors import RequestError

Known = dict[tuple[str, int], str | None]
"""Controllers by type and index, with their models; ``None`` for libvirt's default."""

_DISKS_PER_CONTROLLER = {"scsi": 7, "sata": 6, "ide": 4}
_SCSI_UNITS = 7
"""libvirt gives no more units of a SCSI controller away by itself."""
_LETTERS = 26
_MAX_INDEX = 2047
"""libvirt makes every controller up to the highest that a device names."""


def add_controllers(
    domain: etree._Element,
    machine: Machine,
    known: Known,
    add: Callable[[str, int, str | None], None],
) -> None:
    """Add the controllers that a domain implies, in libvirt's order.

    Args:
        domain: the domain.
        machine: its machine.
        known: the controllers that the domain defines.
        add: takes type, index and model of each that it does not.

    Raises:
        RequestError: a device needs too many, or names none that can be.
    """
    implied = _Implied(known, add)
    if machine.chipset is Chipset.Q35:
        implied.need("usb", 0, "qemu-xhci")
        implied.need("sata", 0, None)
    elif machine.chipset in {Chipset.I440FX, Chipset.PSERIES}:
        implied.need("usb", 0, None)
    disks = [(disk_bus(disk), disk) for disk in devices_named(domain, "disk")]
    for kind in ("scsi", "ide", "sata"):
        implied.for_disks(kind, [disk for bus, disk in disks if bus == kind])
    ports = SerialPorts(domain, known)
    for index in ports.named():
        implied.need("virtio-serial", index, None)
    scsi = [disk for bus, disk in disks if bus == "scsi"]
    hostdevs = _scsi_hostdevs(domain)
    implied.for_hostdevs(_placed_hostdevs(hostdevs, scsi), hostdevs)
    for index in ports.overflow():
        implied.need("virtio-serial", index, None)


def add_for_hostdevs(
    domain: etree._Element, known: Known, add: Callable[[str, int, str | None], None]
) -> None:
    """Add the SCSI controllers that libvirt adds while it still reads the hostdevs.

    Controllers without an index have none yet then, and those without an address are taken for
    devices of controller 0. Arguments and errors are those of ``add_controllers``.
    """
    implied = _Implied(known, add)
    last, model = -1, None
    for hostdev in _scsi_hostdevs(domain):
        index = _controller_of(hostdev) or 0
        implied.check(hostdev, "scsi", index)
        if index > last:
            model = known.get(("scsi", index)) or model
            for missing in range(last + 1, index + 1):
                implied.need("scsi", missing, model)
            last = index


class _Implied:
    def __init__(self, known: Known, add: Callable[[str, int, str | None], None]) -> None:
        self._known, self._add = known, add

    def need(self, kind: str, index: int, model: str | None) -> None:
        """Add a controller unless there is one."""
        if (kind, index) not in self._known:
            self._known[kind, index] = model
            self._add(kind, index, model)

    def for_disks(self, kind: str, disks: list[etree._Element]) -> None:
        last = -1
        for disk in disks:
            index = _controller_of_disk(disk, kind)
            if index is not None:
                self.check(disk, kind, index)
                last = max(last, index)
        for index in range(last + 1):
            self.need(kind, index, None)

    def for_hostdevs(self, indexes: list[int], hostdevs: list[etree._Element]) -> None:
        """Add SCSI controllers for hostdevs, all of one model (see the source)."""
        last, model = -1, None
        for index, hostdev in zip(indexes, hostdevs, strict=False):
            if index > last:
                self.check(hostdev, "scsi", index)
                last = index
                model = self._known.get(("scsi", index)) or model
        for index in range(last + 1):
            self.need("scsi", index, model)

    @staticmethod
    def check(element: etree._Element, kind: str, index: int) -> None:
        """Refuse an element that would make thousands of controllers."""
        if index > _MAX_INDEX:
            raise RequestError(
                f"the device needs too many {kind} controllers",
                where=f"domain XML, {describe(element)}",
                found=f"one for controller {index}, and all before it",
                expected=f"a controller up to {_MAX_INDEX}",
            )


def balloon(machine: Machine) -> bool:
    """Tell whether a domain without ``<memballoon>`` gets one."""
    return machine.arch != "aarch64"


def _scsi_hostdevs(domain: etree._Element) -> list[etree._Element]:
    return [
        one
        for one in devices_named(domain, "hostdev")
        if one.get("type") == "scsi" and one.get("mode", "subsystem") == "subsystem"
    ]


def _controller_of(element: etree._Element) -> int | None:
    """Read ``<address type='drive' controller=...>``, None where there is none."""
    address = child_of(element, "address")
    if address is None:
        return None
    return parse_decimal(address.get("controller", "0"), element, "controller")


def _controller_of_disk(disk: etree._Element, kind: str) -> int | None:
    address = child_of(disk, "address")
    if address is None:
        return disk_number(disk) // _DISKS_PER_CONTROLLER[kind]
    return _controller_of(disk) if address.get("type") == "drive" else None


def _placed_hostdevs(hostdevs: list[etree._Element], disks: list[etree._Element]) -> list[int]:
    """Tell each hostdev's controller: the lowest with a unit that is free, by default."""
    taken = {_drive(disk) for disk in disks} | {_drive(one) for one in hostdevs}
    found = []
    number = 0
    for hostdev in hostdevs:
        controller = _controller_of(hostdev)
        if controller is None:
            while (number // _SCSI_UNITS, 0, 0, number % _SCSI_UNITS) in taken:
                number += 1
            controller = number // _SCSI_UNITS
            number += 1
        found.append(controller)
    return found


def _drive(element: etree._Element) -> tuple[int, int, int, int] | None:
    """Tell controller, bus, target and unit of a SCSI disk or hostdev, if they are known."""
    address = child_of(element, "address")
    if address is None:
        if element.tag != "disk":
            return None
        number = disk_number(element)
        return number // _SCSI_UNITS, 0, 0, number % _SCSI_UNITS
    controller, bus, target, unit = (
        parse_decimal(address.get(name, "0"), element, name)
        for name in ("controller", "bus", "target", "unit")
    )
    return controller, bus, target, unit


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
