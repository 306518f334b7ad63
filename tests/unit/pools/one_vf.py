# SPDX-License-Identifier: Apache-2.0
"""Every combination of signals of one VF, as a host of real files, and what it comes to."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from sidecar.host.sysfs import Sysfs
from sidecar.model.availability import Availability
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.model.settings import VfSettings
from sidecar.virt.connection import Libvirt, open_libvirt
from sidecar.virt.networks import Networks
from tests.fakes.host import Host, no_libvirt
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeVf, make_procfs

PF = PciAddress.parse("0000:01:00.0")
OURS = Holder(HolderKind.VMI, "default/holder", "uid-of-holder")
NETWORK = b"""\
<network><name>fast</name><forward mode='hostdev' managed='yes'><pf dev='eth1'/></forward></network>
"""
DOMAIN = """\
<domain type='test'><name>{0}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>
<devices>{1}</devices></domain>"""
VF = """\
<hostdev mode='subsystem' type='pci' managed='yes'><source>
<address domain='0' bus='1' slot='16' function='0'/></source></hostdev>"""

WANTS = "<interface type='network'><source network='fast'/><model type='virtio'/></interface>"

KERNEL: Mapping[str, tuple[FakeVf, Availability]] = {
    "closed": (FakeVf("vfio-pci", group=21), Availability.FREE),
    "open": (FakeVf("vfio-pci", group=21, enable=1), Availability.IN_USE),
    "group open": (FakeVf("vfio-pci", group=22), Availability.IN_USE),
    "unreadable": (FakeVf("vfio-pci", group=21), Availability.UNKNOWN),
    "down": (FakeVf(interfaces=[FakeInterface("eth1v0")], group=21), Availability.FREE),
    "up": (FakeVf(interfaces=[FakeInterface("eth1v0", UP)], group=21), Availability.IN_USE),
    "elsewhere": (FakeVf("igbvf", group=21), Availability.IN_USE),
}
LIBVIRT = ("nobody", "running", "configured", "silent", "absent")
LEASES = ("none", "leased", "cut short")


@dataclass(frozen=True, slots=True)
class Case:
    """A combination of signals."""

    kernel: str
    libvirt: str
    lease: str
    hung: bool

    def __str__(self) -> str:
        hung = ", hung" if self.hung else ""
        return f"{self.kernel}, {self.libvirt}, {self.lease}{hung}"

    @property
    def expected(self) -> Availability:
        """What it comes to."""
        kernel = KERNEL[self.kernel][1]
        rules = (
            (self.hung, Availability.QUARANTINED),
            (self.lease == "cut short", Availability.INSPECT),
            (kernel is Availability.IN_USE or self.libvirt == "running", Availability.IN_USE),
            (self.lease == "leased", Availability.LEASED),
            (
                kernel is Availability.UNKNOWN or self.libvirt == "silent",
                Availability.UNKNOWN,
            ),
            (self.libvirt == "configured", Availability.PROMISED),
        )
        return next((state for holds, state in rules if holds), Availability.FREE)

    @property
    def free(self) -> bool:
        return self.expected is Availability.FREE

    @property
    def asked(self) -> bool:
        """Whether libvirt answers."""
        return self.libvirt not in {"silent", "absent"}

    def without_promise(self, *, hung: bool) -> "Case":
        """Return the same with no configuration that names the VF."""
        libvirt = "nobody" if self.libvirt == "configured" else self.libvirt
        return replace(self, libvirt=libvirt, hung=hung)


# That a lease is cleared shows nothing of a VF without one.
LEASED = [Case(*one) for one in product(KERNEL, LIBVIRT, LEASES[1:], (False, True))]
CASES = [Case(*one) for one in product(KERNEL, LIBVIRT, LEASES, (False, True))]


class OneVf(Host):
    """A host with one VF on one PF, and a pool of it that is active."""

    def __init__(self, folder: Path, case: Case, libvirt: Libvirt) -> None:
        card = FakePf(
            interfaces=[FakeInterface("eth1", UP, "up")], vfs=[KERNEL[case.kernel][0]], group=20
        )
        super().__init__(folder, [card])
        if case.kernel == "unreadable":
            (self.tree.function(self.vf(0)) / "enable").unlink()
        proc = make_procfs(folder / "processes", {7: ("qemu", ["/dev/vfio/22"])})
        self.node = replace(
            self.node,
            proc=proc,
            sysfs=Sysfs(folder / "sys", addressed=frozenset()),
            libvirt=_opens(case, libvirt),
            has_libvirt=case.libvirt != "absent",
        )
        self.store.write_pool(PoolRecord(PoolDefinition("fast", "eth1"), PF))
        with self.store.lock(PF) as held:
            if case.lease != "none":
                taken = held.take(0, OURS, VfSettings(), "", self.node.now())
                if case.lease == "leased":
                    held.confirm(taken, self.node.now())
                else:
                    held.mark(0, "taking it was cut short", self.node.now())
            if case.hung:
                held.write_record(replace(held.record(), quarantine="a write hung"))

    @property
    def address(self) -> PciAddress:
        return PciAddress.parse(self.vf(0))


def _opens(case: Case, libvirt: Libvirt) -> Callable[[], AbstractContextManager[Libvirt]]:
    return (lambda: nullcontext(libvirt)) if case.asked else no_libvirt


@contextmanager
def one_vf(folder: Path, case: Case) -> Iterator[OneVf]:
    (folder / "node.xml").write_text("<node/>")
    with open_libvirt(f"test://{folder}/node.xml") as libvirt:
        networks = Networks(libvirt)
        networks.define(NETWORK)
        networks.start("fast")
        libvirt.connection.defineXML(DOMAIN.format("buyer", ""))
        if case.libvirt in {"running", "configured"}:
            libvirt.connection.defineXML(DOMAIN.format("owner", VF))
        if case.libvirt == "running":
            libvirt.connection.lookupByName("owner").create()
        yield OneVf(folder, case, libvirt)
