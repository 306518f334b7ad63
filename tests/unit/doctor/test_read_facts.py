# SPDX-License-Identifier: Apache-2.0
"""What the doctor reads, on made-up hosts of real files."""

from pathlib import Path

import pytest

from sidecar.doctor.read_libvirt import Answers
from sidecar.doctor.read_pools import read_pools
from sidecar.doctor.rules.facts import Want
from sidecar.errors import HostError
from sidecar.host.inventory import read_inventory
from sidecar.host.iommu import read_iommu
from sidecar.host.sysfs import Sysfs
from sidecar.host.vfio import read_vfio
from sidecar.model.host_facts import DeviceNode, Reading
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.model.vf import UNKNOWN
from sidecar.state.store import Store
from sidecar.virt.domains import Domain
from sidecar.virt.networks import Network
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

PF = FakePf(interfaces=[FakeInterface("eth1", UP, "up")], vfs=[FakeVf(group=15)], group=14)
NIC = "<interface type='network'><source network='{}'/></interface>"


@pytest.fixture
def sysfs(tmp_path: Path) -> Sysfs:
    FakeSysfs(tmp_path / "sys", [PF])
    return Sysfs(tmp_path / "sys")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    make_procfs(tmp_path / "proc", {})
    put(tmp_path / "proc/sys/kernel/osrelease", "6.12.1")
    return tmp_path / "proc"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(tmp_path / "root/etc/passwd", "root:x:0:0::/:/bin/sh", "qemu:x:107:107::/:/bin/false")
    put(tmp_path / "root/etc/group", "kvm:x:36:qemu", "disk:x:6:", "broken")
    return tmp_path / "root"


def put(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def test_the_iommu_as_the_kernel_shows_it(sysfs: Sysfs, proc: Path) -> None:
    put(proc / "cmdline", "quiet intel_iommu=on")
    put(sysfs.root / "kernel/iommu_groups/14/type", "DMA-FQ")
    (sysfs.root / "class/iommu/dmar0").mkdir(parents=True)
    facts = read_iommu(sysfs, proc, read_inventory(sysfs, proc).pfs)
    assert (facts.groups, facts.units) == (2, ("dmar0",))
    assert facts.types == {14: "DMA-FQ"}
    assert facts.command_line == "quiet intel_iommu=on"


def test_groups_that_vfio_makes_up_are_no_iommu(sysfs: Sysfs, proc: Path) -> None:
    for group in (14, 15):
        put(sysfs.root / f"kernel/iommu_groups/{group}/name", "vfio-noiommu")
    put(sysfs.root / "module/vfio/parameters/enable_unsafe_noiommu_mode", "Y")
    facts = read_iommu(sysfs, proc, ())
    assert (facts.groups, facts.no_iommu) == (0, True)
    assert facts.command_line is UNKNOWN


def test_a_host_that_says_nothing_has_libvirts_defaults(
    sysfs: Sysfs, proc: Path, root: Path
) -> None:
    facts = read_vfio(root, sysfs.root, proc)
    assert facts.dynamic_ownership
    assert (facts.user.name, facts.user.uid, facts.user.gids) == ("qemu", 107, frozenset({36, 107}))
    assert facts.conf == Reading("/etc/libvirt/qemu.conf", "does not exist")
    assert (facts.loaded, facts.available, facts.confined) == (False, UNKNOWN, False)
    assert (facts.nodes, facts.rules, dict(facts.profiles)) == ((), (), {})


def test_what_qemu_conf_says_of_the_user(sysfs: Sysfs, proc: Path, root: Path) -> None:
    lines = ('#user = "nobody"', 'user = "+107"', ' group = "disk"', "dynamic_ownership=0")
    put(root / "etc/libvirt/qemu.conf", *lines)
    facts = read_vfio(root, sysfs.root, proc)
    assert (facts.user.name, facts.user.uid, facts.user.gids) == ("+107", 107, frozenset({6}))
    assert not facts.dynamic_ownership
    assert facts.conf.content == "user = +107; group = disk; dynamic_ownership = 0"


def test_a_user_that_the_host_does_not_know(sysfs: Sysfs, proc: Path, root: Path) -> None:
    put(root / "etc/libvirt/qemu.conf", 'user = "somebody"')
    assert read_vfio(root, sysfs.root, proc).user.uid is None


@pytest.mark.parametrize(
    ("listed", "available"),
    [
        (("modules.dep", "kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/vfio.ko"), True),
        (("modules.builtin", "kernel/drivers/vfio/pci/vfio-pci.ko"), True),
        (("modules.dep", "kernel/drivers/vfio/pci/vfio-pci-core.ko.xz:"), False),
    ],
)
def test_the_running_kernels_modules(
    sysfs: Sysfs, proc: Path, root: Path, listed: tuple[str, str], *, available: bool
) -> None:
    put(root / "lib/modules/6.12.1" / listed[0], listed[1])
    put(root / "lib/modules/6.13/modules.dep", "vfio/pci/vfio-pci.ko:")
    assert read_vfio(root, sysfs.root, proc).available is available


def test_files_rules_and_profiles_of_vfio(sysfs: Sysfs, proc: Path, root: Path) -> None:
    put(root / "dev/vfio/15", "")
    (root / "dev/vfio/15").chmod(0o640)
    (root / "dev/vfio/devices").mkdir()
    put(root / "etc/udev/rules.d/9-vfio.rules", "# off", 'SUBSYSTEM == "vfio", OWNER="qemu"')
    put(root / "usr/lib/udev/rules.d/50.rules", 'KERNEL=="vfio", MODE="0666"')
    profile = "etc/apparmor.d/abstractions/libvirt-qemu"
    put(root / profile, "  # /dev/vfio", "  /dev/vfio/vfio rw,", "  /dev/kvm rw,")
    put(sysfs.root / "module/apparmor/parameters/enabled", "Y")
    (sysfs.root / "bus/pci/drivers/vfio-pci").mkdir(exist_ok=True)
    facts = read_vfio(root, sysfs.root, proc)
    owner = (root / "dev/vfio/15").stat()
    assert facts.nodes == (DeviceNode("/dev/vfio/15", owner.st_uid, owner.st_gid, 0o640),)
    rule = Reading("/etc/udev/rules.d/9-vfio.rules", 'SUBSYSTEM == "vfio", OWNER="qemu"')
    assert facts.rules == (rule,)
    assert dict(facts.profiles) == {f"/{profile}": ("/dev/vfio/vfio rw,",)}
    assert (facts.confined, facts.loaded) == (True, True)
    put(root / "etc/libvirt/qemu.conf", 'security_driver = "none"')
    assert not read_vfio(root, sysfs.root, proc).confined


def network(name: str, *, active: bool = True) -> Network:
    return Network(name, "", active, persistent=True, autostart=False)


def shut_off(name: str, *networks: str, active: bool = False) -> Domain:
    nics = "".join(NIC.format(one) for one in networks)
    return Domain(name, active, f"<domain><devices>{nics}</devices></domain>".encode())


def test_pools_of_ours_and_of_others(sysfs: Sysfs, proc: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    ours = PoolDefinition("ours", "eth1", 3)
    address = PciAddress.parse(PF.address)
    with store.lock(address):
        store.write_pool(PoolRecord(ours, address, autostart=True))
    answers = Answers(
        domains=(
            shut_off("a", "ours", "ours", "lan"),
            shut_off("b", "ours", active=True),
            shut_off("c", "theirs"),
        ),
        networks=(network("lan"), network("ours"), network("theirs", active=False)),
        # libvirt's own definition knows no minimum; the record does.
        pools=(PoolDefinition("ours", "eth1"), PoolDefinition("theirs", "eth9")),
    )
    inventory = read_inventory(sysfs, proc)
    first, second = read_pools(store, inventory, answers, "")
    assert (first.definition, first.pf, first.active) == (ours, address, True)
    assert first.autostart
    assert first.wants == (Want("a", 2),)
    assert (second.definition.name, second.pf, second.active) == ("theirs", None, False)
    assert not second.autostart
    (only,) = read_pools(store, inventory, answers, "theirs")
    assert only == second
    with pytest.raises(HostError, match="pool nowhere: no such pool; found lan, ours"):
        list(read_pools(store, inventory, answers, "nowhere"))


def test_without_libvirt_a_pools_network_is_unknown(
    sysfs: Sysfs, proc: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "state")
    address = PciAddress.parse(PF.address)
    with store.lock(address):
        store.write_pool(PoolRecord(PoolDefinition("ours", "eth1", 3), address))
    inventory = read_inventory(sysfs, proc)
    (pool,) = read_pools(store, inventory, Answers(error="no socket"), "ours")
    assert pool.active is UNKNOWN
