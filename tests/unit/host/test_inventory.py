# SPDX-License-Identifier: Apache-2.0
import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.host.inventory import read_inventory
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.vf import (
    UNKNOWN,
    Inventory,
    NetInterface,
    PciId,
    PhysicalFunction,
    VirtualFunction,
)
from tests.fakes.sriov import DOWN, UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

CARD = FakePf(
    interfaces=[FakeInterface("enp1s0", UP, "up")],
    vfs=[
        FakeVf(interfaces=[FakeInterface("enp1s0v0", DOWN, "down")], group=15, node=1),
        FakeVf("vfio-pci", group=16, enable=1),
    ],
    group=14,
    node=1,
)


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    return make_procfs(tmp_path / "proc", {})


def read(fake: FakeSysfs, proc: Path) -> Inventory:
    return read_inventory(fake.sysfs(), proc)


def test_all_that_the_kernel_tells_is_read(tmp_path: Path, nobody: Path) -> None:
    inventory = read(FakeSysfs(tmp_path / "sys", [CARD]), nobody)
    pf = PciAddress.parse("0000:01:00.0")
    virtual = PciId(0x8086, 0x10CA)
    down = NetInterface("enp1s0v0", up=False, operstate="down", master=None, uppers=())
    vfs = (
        VirtualFunction(PciAddress(0, 1, 0x10, 0), virtual, "igbvf", (down,), 15, 1, pf, 0, 0),
        VirtualFunction(PciAddress(0, 1, 0x10, 2), virtual, "vfio-pci", (), 16, None, pf, 1, 1),
    )
    up = NetInterface("enp1s0", up=True, operstate="up", master=None, uppers=(), hardware=1)
    assert inventory.pfs == (
        PhysicalFunction(pf, PciId(0x8086, 0x10C9), "igb", (up,), 14, 1, 7, vfs, 0x020000),
    )
    assert list(inventory.signals) == [vf.address for vf in vfs]


def test_no_file_is_opened_that_may_block(tmp_path: Path, nobody: Path) -> None:
    # A reader of one of these would wait for ever, and this test with it.
    inventory = read(FakeSysfs(tmp_path / "sys", [CARD], wedged=True), nobody)
    assert inventory.pfs[0].numvfs == 2


def test_vfs_are_in_order_on_whatever_bus(tmp_path: Path, nobody: Path) -> None:
    second = FakePf("0000:3b:00.1", vfs=[FakeVf()] * 130, totalvfs=256, offset=0x10, stride=2)
    inventory = read(FakeSysfs(tmp_path / "sys", [second, CARD]), nobody)
    assert [str(pf.address) for pf in inventory.pfs] == ["0000:01:00.0", "0000:3b:00.1"]
    vfs = inventory.pfs[1].vfs
    assert vfs is not UNKNOWN
    assert [vf.index for vf in vfs] == list(range(130))
    assert str(vfs[119].address) == "0000:3b:1f.7"
    assert str(vfs[120].address) == "0000:3c:00.1"
    assert len(inventory.signals) == 132


def test_a_host_without_sriov_has_no_pfs(tmp_path: Path, nobody: Path) -> None:
    assert read(FakeSysfs(tmp_path / "sys"), nobody) == Inventory((), {})
    idle = FakePf("0000:02:00.0", totalvfs=0, driver=None)
    (pf,) = read(FakeSysfs(tmp_path / "idle", [idle]), nobody).pfs
    assert (pf.totalvfs, pf.numvfs, pf.driver, pf.iommu_group) == (0, 0, None, None)


@pytest.mark.parametrize("root", ["nowhere", "a-file"])
def test_no_sysfs_is_an_error_with_path_and_number(tmp_path: Path, root: str, nobody: Path) -> None:
    (tmp_path / "a-file").touch()
    number = errno.ENOENT if root == "nowhere" else errno.ENOTDIR
    with pytest.raises(HostError) as caught:
        read_inventory(Sysfs(tmp_path / root), nobody)
    assert caught.value.where == str(tmp_path / root / "bus/pci/devices")
    assert f"(errno {number})" in caught.value.found


def test_a_function_that_cannot_be_opened_is_an_error(tmp_path: Path, nobody: Path) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    loop = fake.devices / "0000:07:00.0"
    loop.symlink_to(loop.name)
    with pytest.raises(HostError) as caught:
        read(fake, nobody)
    assert caught.value.where == str(loop)
    assert f"(errno {errno.ELOOP})" in caught.value.found


def as_folder(path: Path) -> None:
    """Let a read fail also for root: a folder cannot be read as a file."""
    path.unlink()
    path.mkdir()


def as_loop(path: Path) -> None:
    """Let a link, or the listing of a folder, fail also for root."""
    path.unlink(missing_ok=True)
    path.symlink_to(path.name)


def as_file(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.write_text("no link\n")


def as_nonsense(path: Path) -> None:
    path.write_text("many\n")


def as_negative(path: Path) -> None:
    path.write_text("-3\n")


@pytest.mark.parametrize(
    ("name", "field", "spoil"),
    [
        *(("sriov_totalvfs", "totalvfs", way) for way in (as_folder, as_nonsense, as_negative)),
        *(("enable", "enabled", way) for way in (as_folder, as_nonsense, as_negative, Path.unlink)),
    ],
)
def test_a_number_that_cannot_be_had_is_unknown(
    tmp_path: Path, nobody: Path, spoil: Callable[[Path], None], name: str, field: str
) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    of_pf = name == "sriov_totalvfs"
    spoil(fake.function(CARD.address if of_pf else CARD.vf_address(0)) / name)
    (pf,) = read(fake, nobody).pfs
    assert pf.vfs is not UNKNOWN
    assert getattr(pf if of_pf else pf.vfs[0], field) is UNKNOWN
    assert pf.numvfs == 2


@pytest.mark.parametrize(
    ("name", "spoil", "field"),
    [
        ("driver", as_file, "driver"),
        ("iommu_group", as_file, "iommu_group"),
        ("numa_node", as_folder, "numa_node"),
        ("numa_node", Path.unlink, "numa_node"),
    ],
)
def test_what_cannot_be_read_of_a_vf_is_unknown(
    tmp_path: Path, nobody: Path, name: str, spoil: Callable[[Path], None], field: str
) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    spoil(fake.function(CARD.vf_address(0)) / name)
    (pf,) = read(fake, nobody).pfs
    assert pf.vfs is not UNKNOWN
    assert getattr(pf.vfs[0], field) is UNKNOWN
    assert getattr(pf.vfs[1], field) is not UNKNOWN


def test_an_interface_that_is_half_gone_is_unknown(tmp_path: Path, nobody: Path) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    net = fake.function(CARD.vf_address(0)) / "net"
    (net / "gone").symlink_to("nowhere")
    as_folder(net / "enp1s0v0/flags")
    (pf,) = read(fake, nobody).pfs
    assert pf.vfs is not UNKNOWN
    assert pf.vfs[0].interfaces == (
        NetInterface("enp1s0v0", up=UNKNOWN, operstate="down", master=None, uppers=()),
        NetInterface("gone", up=UNKNOWN, operstate=UNKNOWN, master=UNKNOWN, uppers=UNKNOWN),
    )
    as_loop(fake.function(CARD.vf_address(1)) / "net")
    (pf,) = read(fake, nobody).pfs
    assert pf.vfs is not UNKNOWN
    assert pf.vfs[1].interfaces is UNKNOWN


def test_an_old_kernel_has_no_sriov_vf_device(tmp_path: Path, nobody: Path) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    (fake.function(CARD.address) / "sriov_vf_device").unlink()
    as_nonsense(fake.function(CARD.vf_address(1)) / "device")
    (pf,) = read(fake, nobody).pfs
    assert pf.vfs is not UNKNOWN
    assert [vf.identity for vf in pf.vfs] == [PciId(0x8086, 0x10CA), UNKNOWN]
    (fake.function(CARD.address) / "device").write_text("0x12345\n")
    assert read(fake, nobody).pfs[0].identity is UNKNOWN


def test_a_vf_that_cannot_be_named_makes_the_vfs_unknown(tmp_path: Path, nobody: Path) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    (fake.function(CARD.address) / "virtfn2").write_text("no link\n")
    (pf,) = read(fake, nobody).pfs
    assert (pf.vfs, pf.numvfs, pf.totalvfs) == (UNKNOWN, UNKNOWN, 7)


def test_a_vf_that_vanishes_while_it_is_read_is_left_out(tmp_path: Path, nobody: Path) -> None:
    fake = FakeSysfs(tmp_path / "sys", [CARD])
    (fake.function(CARD.vf_address(0)) / "vendor").unlink()
    (fake.function(CARD.address) / "virtfn9").symlink_to("../0000:01:12.0")
    (fake.devices / "0000:05:00.0").symlink_to("../../../devices/gone")
    (pf,) = read(fake, nobody).pfs
    assert pf.vfs is not UNKNOWN
    assert [vf.index for vf in pf.vfs] == [1]
    (fake.function(CARD.address) / "vendor").unlink()
    assert read(fake, nobody).pfs == ()


def test_vfs_come_and_go_while_they_are_read(tmp_path: Path, nobody: Path) -> None:
    busy = FakePf(vfs=[FakeVf(group=20 + index) for index in range(7)])
    quiet = FakePf("0000:02:00.0", vfs=[FakeVf(group=40 + index) for index in range(7)])
    fake = FakeSysfs(tmp_path / "sys", [busy, quiet])
    before = read(fake, nobody).pfs[1]
    end = threading.Event()

    def make_and_remove() -> None:
        while not end.is_set():
            for index in range(7):
                fake.remove_vf(busy, index)
            for index in range(7):
                fake.add_vf(busy, index)

    thread = threading.Thread(target=make_and_remove)
    thread.start()
    counts = set()
    try:
        for _ in range(300):
            first, second = read(fake, nobody).pfs
            assert first.vfs is not UNKNOWN
            addresses = {vf.index: str(vf.address) for vf in first.vfs}
            assert addresses == {index: busy.vf_address(index) for index in addresses}
            assert second == before
            counts.add(len(addresses))
    finally:
        end.set()
        thread.join()
    assert len(counts) > 1


def test_domains_above_16_bits(tmp_path: Path, nobody: Path) -> None:
    # Behind Intel VMD, and with Hyper-V, Linux numbers domains from 0x10000 on.
    behind = FakePf("10000:e1:00.0", interfaces=[FakeInterface("vmd0", UP, "up")], vfs=[FakeVf()])
    found = read(FakeSysfs(tmp_path / "sys", [behind, CARD]), nobody)
    assert [str(pf.address) for pf in found.pfs] == ["0000:01:00.0", "10000:e1:00.0"]
    vfs = found.pfs[1].vfs
    assert vfs is not UNKNOWN
    (vf,) = vfs
    assert str(vf.address) == "10000:e1:10.0"
