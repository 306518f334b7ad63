# SPDX-License-Identifier: Apache-2.0
"""A sysfs with SR-IOV cards, as a real folder laid out as the kernel lays it out.

Each test declares its cards. The names, links and texts are those of Linux 6.12.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress

LOCKED = ("sriov_numvfs", "driver_override", "uevent")
"""Attributes whose reading takes the device's lock (uevent: not in every kernel)."""

UP = 0x1003
DOWN = 0x1002
"""Flags of an Ethernet interface, with IFF_UP (1) and without."""


@dataclass(frozen=True, slots=True)
class FakeInterface:
    """A network interface; ``uppers`` are names of interfaces on top of it.

    ``addressed``: whether it has an IP address, which the kernel tells by netlink only.
    ``mac``: its MAC address.
    ``port`` and ``switch`` are ``phys_port_name`` and ``phys_switch_id`` of a card in switchdev
    mode, ``hardware`` the link layer (``type``; 32 is InfiniBand).
    """

    name: str
    flags: int = DOWN
    operstate: str = "down"
    master: str | None = None
    uppers: Sequence[str] = ()
    addressed: bool = False
    mac: str = "02:00:00:00:00:00"
    port: str = ""
    switch: str = ""
    hardware: int = 1


@dataclass(frozen=True, slots=True)
class FakeVf:
    """A VF; its address follows from its PF."""

    driver: str | None = "igbvf"
    interfaces: Sequence[FakeInterface] = ()
    group: int | None = None
    enable: int = 0
    node: int = -1
    vfio_device: str | None = None


@dataclass(frozen=True, slots=True)
class FakePf:
    """A PF; offset and stride place the VFs, as the capability's registers do."""

    address: str = "0000:01:00.0"
    driver: str | None = "igb"
    interfaces: Sequence[FakeInterface] = ()
    vfs: Sequence[FakeVf] = ()
    totalvfs: int = 7
    group: int | None = None
    node: int = -1
    identity: tuple[str, str] = ("8086", "10c9")
    vf_device: str = "10ca"
    offset: int = 0x80
    stride: int = 2
    device_class: str = "020000"

    def vf_address(self, index: int) -> str:
        """Return a VF's address: routing ids add up over slots and buses."""
        pf = PciAddress.parse(self.address)
        routing = (pf.bus << 8 | pf.slot << 3 | pf.function) + self.offset + self.stride * index
        return str(PciAddress(pf.domain, routing >> 8, routing >> 3 & 0x1F, routing & 7))


class FakeSysfs:
    """A tree under ``root``; ``wedged`` makes the files that take a lock block their reader."""

    def __init__(self, root: Path, pfs: Sequence[FakePf] = (), *, wedged: bool = False) -> None:
        self.root = root
        self._wedged = wedged
        self._addressed: set[str] = set()
        self.devices = root / "bus/pci/devices"
        self.devices.mkdir(parents=True)
        self.add_function("0000:00:1f.0", None, ("8086", "2918"))
        for pf in pfs:
            self.add_pf(pf)

    def sysfs(self) -> Sysfs:
        """Return it as Portside takes it, with what netlink would tell."""
        return Sysfs(self.root, addressed=frozenset(self._addressed))

    def function(self, address: str) -> Path:
        """Return a function's real folder."""
        return (self.devices / address).resolve()

    def add_pf(self, pf: FakePf) -> None:
        """Add a PF with its VFs."""
        folder = self.add_function(pf.address, pf.driver, pf.identity, pf.node)
        self._write(folder / "class", f"0x{pf.device_class}")
        attributes = {
            "sriov_totalvfs": pf.totalvfs,
            "sriov_numvfs": len(pf.vfs),
            "sriov_offset": pf.offset,
            "sriov_stride": pf.stride,
            "sriov_vf_device": pf.vf_device,
            "sriov_drivers_autoprobe": 1,
        }
        for name, value in attributes.items():
            self._write(folder / name, str(value))
        self._add_rest(folder, pf.group, pf.interfaces)
        for index in range(len(pf.vfs)):
            self.add_vf(pf, index)

    def add_vf(self, pf: FakePf, index: int) -> None:
        """Make a VF of a PF that is there."""
        vf, address, folder = pf.vfs[index], pf.vf_address(index), self.function(pf.address)
        own = self.add_function(
            address, vf.driver, (pf.identity[0], pf.vf_device), vf.node, vf.enable
        )
        self._add_rest(own, vf.group, vf.interfaces)
        if vf.vfio_device is not None:
            (own / "vfio-dev" / vf.vfio_device).mkdir(parents=True)
        (own / "physfn").symlink_to(f"../{pf.address}")
        (folder / f"virtfn{index}").symlink_to(f"../{address}")

    def remove_vf(self, pf: FakePf, index: int) -> None:
        """Take a VF away, in the order of the kernel's ``pci_iov_remove_virtfn``."""
        own = self.function(pf.vf_address(index))
        (self.function(pf.address) / f"virtfn{index}").unlink()
        (own / "physfn").unlink()
        for link in ("driver", "iommu_group"):
            if (own / link).is_symlink():
                # The driver's and the group's link to the device goes with the device's to them.
                listed = (own / link).resolve()
                (listed / own.name if link == "driver" else listed / "devices" / own.name).unlink()
                (own / link).unlink()
        (self.devices / own.name).unlink()
        shutil.rmtree(own)

    def add_function(
        self,
        address: str,
        driver: str | None,
        identity: tuple[str, str],
        node: int = -1,
        enable: int = 1,
    ) -> Path:
        """Add what each PCI function has."""
        bridge = "" if address.startswith("0000:00:") else "/0000:00:02.0"
        folder = self.root / f"devices/pci0000:00{bridge}/{address}"
        folder.mkdir(parents=True)
        texts = {
            "vendor": f"0x{identity[0]}",
            "device": f"0x{identity[1]}",
            "class": "0x020000",
            "enable": str(enable),
            "numa_node": str(node),
            "driver_override": "(null)",
            "uevent": f"PCI_SLOT_NAME={address}",
        }
        for name, text in texts.items():
            self._write(folder / name, text)
        if driver is not None:
            own = self.root / "bus/pci/drivers" / driver
            own.mkdir(parents=True, exist_ok=True)
            link_to(folder / "driver", own)
            link_to(own / address, folder)
        link_to(self.devices / address, folder)
        return folder

    def _add_rest(
        self, folder: Path, group: int | None, interfaces: Sequence[FakeInterface]
    ) -> None:
        if group is not None:
            devices = self.root / f"kernel/iommu_groups/{group}/devices"
            devices.mkdir(parents=True, exist_ok=True)
            link_to(folder / "iommu_group", devices.parent)
            link_to(devices / folder.name, folder)
        for interface in interfaces:
            self.add_interface(folder, interface)

    def add_interface(self, folder: Path, interface: FakeInterface) -> None:
        """Add an interface to a function's folder."""
        own = folder / "net" / interface.name
        own.mkdir(parents=True)
        if interface.addressed:
            self._addressed.add(interface.name)
        self._write(own / "flags", hex(interface.flags))
        self._write(own / "operstate", interface.operstate)
        self._write(own / "address", interface.mac)
        self._write(own / "type", str(interface.hardware))
        for name, text in (
            ("phys_port_name", interface.port),
            ("phys_switch_id", interface.switch),
        ):
            if text:
                self._write(own / name, text)
        (own / "device").symlink_to(f"../../../{folder.name}")
        uppers = [*interface.uppers, *([interface.master] if interface.master else [])]
        for upper in uppers:
            target = self.root / "devices/virtual/net" / upper
            target.mkdir(parents=True, exist_ok=True)
            link_to(own / f"upper_{upper}", target)
        if interface.master:
            link_to(own / "master", self.root / "devices/virtual/net" / interface.master)

    def _write(self, path: Path, text: str) -> None:
        if self._wedged and path.name in LOCKED:
            os.mkfifo(path)  # a reader waits for a writer that does not come
        else:
            path.write_text(f"{text}\n")


def make_procfs(root: Path, processes: Mapping[int, tuple[str, Sequence[str]]]) -> Path:
    """Make a procfs of processes by number: short name, and what their descriptors are."""
    for number, (name, targets) in processes.items():
        folder = root / str(number)
        (folder / "fd").mkdir(parents=True)
        (folder / "comm").write_text(f"{name}\n")
        for descriptor, target in enumerate(targets):
            (folder / "fd" / str(descriptor)).symlink_to(target)
    root.mkdir(exist_ok=True)
    (root / "meminfo").write_text("MemTotal: 1 kB\n")
    return root


def link_to(link: Path, target: Path) -> None:
    """Make a relative link, as sysfs has them: they hold wherever it is mounted."""
    link.symlink_to(os.path.relpath(target, link.parent.resolve()))
