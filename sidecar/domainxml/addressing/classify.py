# SPDX-License-Identifier: Apache-2.0
"""How each device element connects: 0 for what takes no PCI address.

Source: libvirt ``src/qemu/qemu_domain_address.c``
(``qemuDomainDeviceCalculatePCIConnectFlags``) and the models that its post-parse step
fills in (``src/qemu/qemu_domain.c``), read in 9.0 and 11.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from lxml import etree

from sidecar.domainxml.address import read_place
from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.machine import Machine
from sidecar.domainxml.document import child_of
from sidecar.model.ports import MachineFamily

_NICS_EXPRESS = {"virtio", "virtio-non-transitional", "e1000e", "igb"}
_NICS_CONVENTIONAL = {
    *("virtio-transitional", "rtl8139", "e1000", "netfront", "lan9118", "smc91c111"),
    *("vlance", "vmxnet", "vmxnet2", "vmxnet3", "am79c970a", "am79c973"),
    *("82540em", "82545em", "82543gc"),
}
_NICS_ELSEWHERE = {"spapr-vlan", "usb-net"}
NICS_VIRTIO_BY_TYPE = {"vdpa", "vhostuser"}
"""Types of interfaces whose model is virtio, whatever the machine, unless they name one."""
_SOUNDS = {"es1370", "ac97", "ich6", "ich9"}
_VIDEOS_CONVENTIONAL = {"vga", "cirrus", "vmvga", "xen", "vbox", "qxl", "parallels"}
_USB_EXPRESS = {"nec-xhci", "qemu-xhci"}
_SCSI_ELSEWHERE = {"ncr53c90", "ibmvscsi"}
_DISK_BUSES = (("vd", "virtio"), ("sd", "scsi"), ("xvd", "xen"), ("ubd", "uml"))


@dataclass(frozen=True, slots=True)
class Rules:
    """The connect flags of this machine's devices.

    ``on_mmio``: virtio devices without an address go to virtio-mmio.
    """

    machine: Machine
    express: int
    on_mmio: bool = False

    def for_element(self, element: etree._Element) -> Self:
        """Return the rules for a device: with a PCI address it is a PCI device in any case."""
        address = child_of(element, "address") if self.on_mmio else None
        if address is None or address.get("type", "pci") != "pci":
            return self
        return replace(self, on_mmio=False)

    @property
    def virtio(self) -> int:
        """Flags of a virtio device."""
        return 0 if self.on_mmio else self.express

    def virtio_model(self, model: str | None) -> int:
        """Flags of a virtio device: transitional ones need a conventional slot."""
        return 0 if self.on_mmio else self.pci_model(model)

    def pci_model(self, model: str | None) -> int:
        """Flags of a virtio device of a kind that never goes to virtio-mmio by itself."""
        if model == "virtio-transitional":
            return connect.CONVENTIONAL_DEVICE
        return self.express


def rules_for(machine: Machine, devices: list[etree._Element]) -> Rules:
    """Derive the flags; ``devices`` are the children of ``<devices>``."""
    express = (
        connect.EXPRESS_DEVICE
        if machine.family is MachineFamily.PCIE
        else connect.CONVENTIONAL_DEVICE
    )
    # A virt machine that has one virtio-mmio device puts all virtio devices there
    # (qemuDomainAssignVirtioMMIOAddresses).
    on_mmio = machine.chipset == "virt" and any(
        a.get("type") == "virtio-mmio" for d in devices for a in d.iterchildren("address")
    )
    return Rules(machine, express, on_mmio)


def disk_bus(disk: etree._Element) -> str:
    """Tell a disk's bus, guessed where the XML leaves it out (``virDomainDiskDefPostParse``)."""
    target = child_of(disk, "target")
    if target is None:
        return ""
    bus = target.get("bus")
    if bus is not None:
        return bus
    if disk.get("device") == "floppy":
        return "fdc"
    name = target.get("dev", "")
    return next((guess for prefix, guess in _DISK_BUSES if name.startswith(prefix)), "ide")


def model_of(element: etree._Element) -> str | None:
    """Return ``<model type='...'>`` of a device."""
    model = child_of(element, "model")
    return None if model is None else model.get("type")


def _interface(nic: etree._Element, rules: Rules) -> int:
    model = nic_model(nic, rules.machine)
    if model == "virtio-transitional":
        return rules.virtio_model(model)
    if model in {"virtio", "virtio-non-transitional"}:
        return rules.virtio
    if model in _NICS_CONVENTIONAL:
        return connect.CONVENTIONAL_DEVICE
    return 0 if model in _NICS_ELSEWHERE else rules.express


def nic_model(nic: etree._Element, machine: Machine) -> str:
    """Tell the model of an ``<interface>``, libvirt's default where the XML has none.

    Source: ``qemuDomainDeviceNetDefPostParse``, ``qemuDomainDefaultNetModel``; libvirt
    compares without regard to case (``virDomainNetSetModelString``).
    """
    model = model_of(nic)
    if model is not None:
        return model.lower()
    by_type = nic.get("type") in NICS_VIRTIO_BY_TYPE
    return "virtio" if by_type or machine.chipset == "virt" else "rtl8139"


def _disk(disk: etree._Element, rules: Rules) -> int:
    return rules.virtio_model(disk.get("model")) if disk_bus(disk) == "virtio" else 0


def hostdev_flags(hostdev: etree._Element, rules: Rules) -> int:
    """Flags of a ``<hostdev>``; a missing ``mode`` counts as ``subsystem``."""
    if hostdev.get("mode", "subsystem") != "subsystem":
        return 0
    kind = hostdev.get("type")
    if kind == "pci":
        # Whether a host device is PCI Express stands in the host's sysfs; SR-IOV VFs are.
        return rules.express
    if kind == "scsi_host":
        # With an address libvirt looks no further than at the address.
        model = None if read_place(hostdev)[0] else hostdev.get("model")
        return rules.virtio_model(model)
    return rules.express if kind == "mdev" and hostdev.get("model") == "vfio-pci" else 0


def _filesystem(filesystem: etree._Element, rules: Rules) -> int:
    driver = child_of(filesystem, "driver")
    kind = None if driver is None else driver.get("type")
    if kind in {None, "path", "handle"}:
        return rules.pci_model(filesystem.get("model"))
    return rules.express if kind == "virtiofs" else 0


def _sound(sound: etree._Element, rules: Rules) -> int:
    model = sound.get("model")
    if model == "virtio":
        return rules.virtio
    return connect.CONVENTIONAL_DEVICE if model in _SOUNDS else 0


def video_flags(video: etree._Element | None, rules: Rules) -> int:
    """Flags of a ``<video>``; ``None`` is the one that libvirt adds for ``<graphics>``."""
    model = None if video is None else model_of(video)
    if model in {None, "default"}:
        model = "virtio" if rules.machine.chipset == "virt" else "vga"
    if model == "virtio":
        return rules.virtio
    if model == "bochs":
        return rules.express
    return connect.CONVENTIONAL_DEVICE if model in _VIDEOS_CONVENTIONAL else 0


def controller_flags(kind: str, model: str | None, rules: Rules) -> int:
    """Flags of a controller that is no PCI controller; ``model`` ``None`` is the default."""
    if kind == "virtio-serial":
        return rules.virtio_model(model)
    if kind == "usb":
        return _usb_flags(model, rules)
    if kind == "scsi":
        return _scsi_flags(model, rules)
    return connect.CONVENTIONAL_DEVICE if kind in {"sata", "ide"} else 0


def _usb_flags(model: str | None, rules: Rules) -> int:
    default_express = rules.machine.arch in {"aarch64", "ppc64", "ppc64le"}
    if model in _USB_EXPRESS or (model is None and default_express):
        return rules.express
    return 0 if model == "none" else connect.CONVENTIONAL_DEVICE


def _scsi_flags(model: str | None, rules: Rules) -> int:
    if rules.on_mmio:
        return 0
    if model in {"virtio-scsi", "virtio-non-transitional"}:
        return rules.virtio
    if model in _SCSI_ELSEWHERE or (model is None and rules.machine.chipset == "pseries"):
        return 0
    return connect.CONVENTIONAL_DEVICE


def _by_model(devices: dict[str, int]) -> Callable[[etree._Element, Rules], int]:
    return lambda element, _rules: devices.get(element.get("model", ""), 0)


def _memballoon(balloon: etree._Element, rules: Rules) -> int:
    model = balloon.get("model")
    return 0 if model in {"none", "xen"} else rules.virtio_model(model)


def _virtio(element: etree._Element, rules: Rules) -> int:
    return rules.virtio_model(element.get("model"))


def _vsock(vsock: etree._Element, rules: Rules) -> int:
    return rules.pci_model(vsock.get("model"))


def _input(device: etree._Element, rules: Rules) -> int:
    default = "virtio" if device.get("type") == "passthrough" else "usb"
    virtio = device.get("bus", default) == "virtio"
    return rules.virtio_model(device.get("model")) if virtio else 0


def _serial(serial: etree._Element, _rules: Rules) -> int:
    target = child_of(serial, "target")
    kind = None if target is None else target.get("type")
    return connect.CONVENTIONAL_DEVICE if kind == "pci-serial" else 0


def _iommu(iommu: etree._Element, rules: Rules) -> int:
    return rules.express | connect.INTEGRATED if iommu.get("model") == "virtio" else 0


def _memory(memory: etree._Element, rules: Rules) -> int:
    return rules.virtio if memory.get("model") in {"virtio-pmem", "virtio-mem"} else 0


def _crypto(_element: etree._Element, rules: Rules) -> int:
    return 0 if rules.on_mmio else connect.CONVENTIONAL_DEVICE


def default_panic(machine: Machine) -> str:
    """Tell the model of a ``<panic>`` that names none, empty if it takes no PCI address."""
    return "pvpanic" if machine.arch == "aarch64" and machine.chipset == "virt" else ""


def _panic(panic: etree._Element, rules: Rules) -> int:
    pvpanic = panic.get("model", default_panic(rules.machine)) == "pvpanic"
    return connect.CONVENTIONAL_DEVICE | connect.INTEGRATED if pvpanic else 0


def _conventional(_element: etree._Element, _rules: Rules) -> int:
    return connect.CONVENTIONAL_DEVICE


CLASSIFIERS: dict[str, Callable[[etree._Element, Rules], int]] = {
    "filesystem": _filesystem,
    "interface": _interface,
    "sound": _sound,
    "disk": _disk,
    "hostdev": hostdev_flags,
    "memballoon": _memballoon,
    "rng": _virtio,
    "watchdog": _by_model({"i6300esb": connect.CONVENTIONAL_DEVICE}),
    "video": video_flags,
    "shmem": _conventional,
    "input": _input,
    "serial": _serial,
    "iommu": _iommu,
    "vsock": _vsock,
    "memory": _memory,
    "crypto": _crypto,
    "panic": _panic,
    "pstore": _conventional,
}
"""Flags by element name. Controllers have rules of their own."""
