# SPDX-License-Identifier: Apache-2.0
"""PCI functions that live: bound, unbound, made and taken away, in a fake sysfs."""

import errno
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fakes.behaviour import Behaviour
from tests.fakes.sriov import DOWN, UP, FakeInterface, FakePf, FakeSysfs, FakeVf, link_to

PF_FILES = ("sriov_numvfs", "sriov_drivers_autoprobe", "driver_override")
VF_FILES = ("driver_override",)


@dataclass(slots=True)
class Function:
    """A PF (``physfn`` empty) or VF; ``holder`` has it open through vfio or in a namespace."""

    address: str
    native: str
    driver: str
    physfn: str = ""
    index: int = 0
    override: str = ""
    holder: str = ""
    lets_go: bool = True


@dataclass(frozen=True, slots=True)
class Taken:
    """A VF that was to be taken from who had it, whether or not who had it let go."""

    address: str
    holder: str
    pid: int


class Bus:
    """The functions and their files.

    Args:
        root: where sysfs lies; it is made.
        pfs: the cards. ``totalvfs`` is what the hardware says.
        answers: folder with the files that the kernel answers.
        behaviours: of the PF drivers, by name; may change.
        shared: whether a card's VFs are in its own IOMMU group.
    """

    def __init__(
        self,
        root: Path,
        pfs: Sequence[FakePf],
        answers: Path,
        behaviours: Mapping[str, Behaviour],
        *,
        shared: bool,
    ) -> None:
        self.tree = FakeSysfs(root, pfs)
        self.pfs = {pf.address: pf for pf in pfs}
        self.functions: dict[str, Function] = {}
        self.autoprobe = dict.fromkeys(self.pfs, True)
        self.taken: list[Taken] = []
        self.flaps: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        # On the disk, so that a process that is forked from the test's sets them too.
        self._macs = answers.parent / "macs"
        self.broken: set[str] = set()
        self.promised: Counter[str] = Counter()
        self._answers = answers
        self._behaviours = behaviours
        self._shared = shared
        link_to(root / "bus/pci/drivers_probe", answers / ",drivers_probe")
        for pf in pfs:
            own = Function(pf.address, pf.driver or "", pf.driver or "")
            self.functions[pf.address] = own
            self._adopt(own, PF_FILES)
            self._set_total(own)
            for index, vf in enumerate(pf.vfs):
                self._adopt_vf(pf, index, vf)

    def behaviour(self, pf: Function) -> Behaviour:
        """Return how a PF's driver answers; of one that is not known, nothing is peculiar."""
        return self._behaviours.get(pf.driver, Behaviour())

    def vfs(self, pf: str) -> list[Function]:
        """Return a PF's VFs by index."""
        own = [one for one in self.functions.values() if one.physfn == pf]
        return sorted(own, key=lambda one: one.index)

    def numvfs(self, pf: str) -> int:
        """Return the kernel's number of a PF's VFs, with those that are still to come."""
        return len(self.vfs(pf)) + self.promised[pf]

    def load(self, driver: str) -> None:
        """Load a driver: from now on something can be bound to it."""
        folder = self.tree.root / "bus/pci/drivers" / driver
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("bind", "unbind"):
            if not (folder / name).is_symlink():
                link_to(folder / name, self._answers / f"{driver},{name}")

    def is_up(self, address: str) -> bool:
        """Tell whether an interface of a function is administratively up."""
        flags = self.tree.function(address).glob("net/*/flags")
        return any(int(one.read_text(), 0) & 1 for one in flags)

    def set_up(self, address: str, *, up: bool) -> None:
        """Bring a function's interfaces up or down."""
        for flags in self.tree.function(address).glob("net/*/flags"):
            flags.write_text(f"{UP if up else DOWN:#x}\n")
            (flags.parent / "operstate").write_text("up\n" if up else "down\n")

    def user(self, function: Function) -> str:
        """Return who uses a VF, empty if nobody does."""
        if not function.holder and self.is_up(function.address):
            return "an interface that is up"
        return function.holder

    def note(self, function: Function, pid: int) -> None:
        """Write down that a function is to be taken from its user, if it has one."""
        if user := self.user(function):
            self.taken.append(Taken(function.address, user, pid))

    def attach(self, function: Function, driver: str) -> int:
        """Bind a driver as ``device_driver_attach`` does; return 0 or an errno."""
        if (function.override or function.native) != driver:
            return errno.ENODEV
        if function.driver:
            return errno.EBUSY
        if function.address in self.broken:
            return errno.EIO
        if function.physfn and not self.autoprobe[function.physfn] and not function.override:
            return errno.ENODEV
        folder = self.tree.function(function.address)
        if driver == "vfio-pci" and not (folder / "iommu_group").exists():
            return errno.EINVAL
        function.driver = driver
        listed = self.tree.root / "bus/pci/drivers" / driver
        link_to(folder / "driver", listed)
        link_to(listed / function.address, folder)
        if driver != "vfio-pci":
            for interface in self._interfaces(function):
                self.tree.add_interface(folder, interface)
            (folder / "enable").write_text("1\n")
        if not function.physfn:
            self._set_total(function)
        return 0

    def detach(self, function: Function) -> None:
        """Unbind the driver; of a PF, its VFs must be gone already."""
        folder = self.tree.function(function.address)
        (self.tree.root / "bus/pci/drivers" / function.driver / function.address).unlink()
        (folder / "driver").unlink()
        shutil.rmtree(folder / "net", ignore_errors=True)
        (folder / "enable").write_text("0\n")
        function.driver = ""
        if not function.physfn:
            self._set_total(function)

    def add_vf(self, pf: Function) -> None:
        """Make the next VF of a PF, and bind what binds to it."""
        index = len(self.vfs(pf.address))
        card = replace(self.pfs[pf.address], vfs=[FakeVf(None)] * (index + 1))
        group = card.group
        if group is not None and not self._shared:
            group += 1 + index
        vf = FakeVf(None, group=group)
        self.tree.add_vf(replace(card, vfs=[*card.vfs[:-1], vf]), index)
        self.made[pf.address] += 1
        self._adopt_vf(card, index, vf)
        own = self.functions[card.vf_address(index)]
        self.attach(own, own.native)

    def remove_vf(self, vf: Function) -> None:
        """Take a VF away, with all that was set for it."""
        self.tree.remove_vf(self.pfs[vf.physfn], vf.index)
        (self._macs / vf.address).unlink(missing_ok=True)
        del self.functions[vf.address]

    def _adopt_vf(self, pf: FakePf, index: int, vf: FakeVf) -> None:
        native = self.behaviour(self.functions[pf.address]).vf_driver
        own = Function(pf.vf_address(index), native, vf.driver or "", pf.address, index)
        self.functions[own.address] = own
        self.load(native)
        self._adopt(own, VF_FILES)

    def _adopt(self, function: Function, names: Sequence[str]) -> None:
        """Let the kernel answer a function's files."""
        folder = self.tree.function(function.address)
        for name in names:
            (folder / name).unlink()
            link_to(folder / name, self._answers / f"{function.address},{name}")
        if function.driver:
            self.load(function.driver)

    def _set_total(self, pf: Function) -> None:
        lowered = self.behaviour(pf).totalvfs if pf.driver else None
        hardware = self.pfs[pf.address].totalvfs
        total = hardware if lowered is None else min(lowered, hardware)
        (self.tree.function(pf.address) / "sriov_totalvfs").write_text(f"{total}\n")

    def _interfaces(self, function: Function) -> Sequence[FakeInterface]:
        if not function.physfn:
            return self.pfs[function.address].interfaces
        stem = next((one.name for one in self.pfs[function.physfn].interfaces), "eth")
        # A VF's driver takes, as it binds, what the PF keeps for the VF, else makes one up.
        kept = self._macs / function.address
        mac = kept.read_text() if kept.exists() else f"02:00:00:00:ff:{function.index:02x}"
        return [FakeInterface(f"{stem}v{function.index}", mac=mac)]

    def keep_mac(self, vf: str, mac: str) -> None:
        """Have a PF keep a MAC address for a VF."""
        self._macs.mkdir(exist_ok=True)
        (self._macs / vf).write_text(mac)

    def total(self, pf: Function) -> int:
        """Return ``sriov_totalvfs``."""
        return int((self.tree.function(pf.address) / "sriov_totalvfs").read_text())

    def hide_interfaces(self, function: Function) -> None:
        """Move a function's interfaces out of our network namespace."""
        shutil.rmtree(self.tree.function(function.address) / "net")

    def show_interfaces(self, function: Function) -> None:
        """Move them back."""
        folder = self.tree.function(function.address)
        for interface in self._interfaces(function):
            self.tree.add_interface(folder, interface)

    def set_enable(self, function: Function, count: int) -> None:
        """Set how many have switched the device on."""
        path = self.tree.function(function.address) / "enable"
        partial = path.with_name("enable.new")
        partial.write_text(f"{count}\n")
        partial.replace(path)
