# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.host.groups import no_iommu, shared_with
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from tests.fakes.sriov import FakePf, FakeSysfs, FakeVf, link_to

PF = "0000:01:00.0"
FIRST, SECOND = "0000:01:10.0", "0000:01:10.2"
VF = PciAddress.parse(FIRST)


def put_in_group(fake: FakeSysfs, address: str, group: int) -> None:
    folder = fake.root / f"kernel/iommu_groups/{group}"
    link_to(folder / "devices" / address, fake.function(address))
    link_to(fake.function(address) / "iommu_group", folder)


def test_a_group_of_its_own_is_shared_with_nobody(tmp_path: Path) -> None:
    fake = FakeSysfs(tmp_path, [FakePf(PF, group=15, vfs=[FakeVf(group=16), FakeVf(group=17)])])
    assert shared_with(Sysfs(fake.root), VF) == ()
    assert not no_iommu(Sysfs(fake.root))


def test_others_of_the_group_are_named_and_bridges_are_not(tmp_path: Path) -> None:
    vfs = [FakeVf("vfio-pci", group=15), FakeVf(None, group=15)]
    fake = FakeSysfs(tmp_path, [FakePf(PF, group=15, vfs=vfs)])
    port = fake.add_function("0000:00:03.0", "pcieport", ("8086", "3420"))
    (port / "class").write_text("0x060400\n")
    put_in_group(fake, "0000:00:03.0", 15)
    assert shared_with(Sysfs(fake.root), VF) == (f"{PF} (igb)", f"{SECOND} (no driver)")


def test_no_group_is_shared_with_nobody(tmp_path: Path) -> None:
    fake = FakeSysfs(tmp_path, [FakePf(PF, vfs=[FakeVf()])])
    assert shared_with(Sysfs(fake.root), VF) == ()
    assert shared_with(Sysfs(fake.root), PciAddress.parse("0000:99:00.0")) == ()
    assert no_iommu(Sysfs(fake.root))


def test_a_group_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    fake = FakeSysfs(tmp_path, [FakePf(PF, vfs=[FakeVf()])])
    group = fake.function(FIRST) / "iommu_group"
    group.mkdir()
    (group / "devices").write_text("no folder")
    with pytest.raises(HostError, match=f"VF {FIRST}: its IOMMU group cannot be listed"):
        shared_with(Sysfs(fake.root), VF)


def test_groups_that_vfio_made_up_are_no_iommu(tmp_path: Path) -> None:
    fake = FakeSysfs(tmp_path, [FakePf(PF, vfs=[FakeVf(group=0)])])
    assert not no_iommu(Sysfs(fake.root))
    (fake.root / "kernel/iommu_groups/0/name").write_text("vfio-noiommu\n")
    assert no_iommu(Sysfs(fake.root))
