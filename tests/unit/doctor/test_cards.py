# SPDX-License-Identifier: Apache-2.0
"""The doctor on hosts whose cards are not one Ethernet port in legacy mode."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from sidecar.doctor.read_facts import Question, diagnose
from sidecar.doctor.rules.finding import Code, Finding, Level
from sidecar.host.inventory import read_inventory
from sidecar.model.vf import UNKNOWN
from tests.fakes.host import Host
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeVf

SWITCH = "8a6a8300f4a1a308"
CARD = FakePf(
    interfaces=[FakeInterface("eth1", UP, "up")],
    vfs=[FakeVf(interfaces=[FakeInterface("eth1v0")], group=15)],
    group=14,
)
GPU = FakePf(
    "0000:00:02.0",
    "i915",
    vfs=[FakeVf("i915", group=14), FakeVf("vfio-pci", group=6)],
    group=14,
    device_class="030000",
    offset=1,
    stride=1,
)
PCI = frozenset({Code.NO_PF, *(code for code in Code if code.startswith(("pf", "group")))})


def read(folder: Path, pfs: Sequence[FakePf]) -> list[Finding]:
    """Return what is said of PFs and groups, whatever this machine's libvirt and VFIO are."""
    found = diagnose(Host(folder, pfs).node, Question("qemu:///system"), folder / "root")
    return [one for one in found if one.code in PCI]


def port(name: str, phys: str, *, up: bool = False, switch: str = SWITCH) -> FakeInterface:
    return FakeInterface(
        name, UP if up else UP - 1, "up" if up else "down", port=phys, switch=switch
    )


@pytest.mark.parametrize(
    "others",
    [
        [port("eth10", "pf1vf2"), port("eth8", "pf1vf0")],
        [port("eth1sf", "pf1sf88"), port("eth0", "c1pf1vf0"), port("eth00", "c1pf1")],
        # Before Linux 5.0 mlx5 called a representor by its VF's number.
        [port("eth0", "0"), port("eth00", "1")],
        # Some drivers tell the name of a representor's port, and no switch.
        [port("eth10", "pf1vf2", switch="")],
    ],
)
def test_a_card_in_switchdev_mode_has_one_interface_of_its_own(
    tmp_path: Path, others: list[FakeInterface]
) -> None:
    pf = FakePf(
        driver="mlx5_core",
        interfaces=[*others, port("eth2", "p1", up=True)],
        vfs=[FakeVf("vfio-pci", group=20)],
        group=14,
    )
    (finding,) = read(tmp_path, [pf])
    assert (finding.code, finding.object) == (Code.PF, "PF 0000:01:00.0 eth2")


@pytest.mark.parametrize("phys", ["", "p0", "p0s1"])
def test_an_interface_is_no_representor_for_its_ports_name_alone(tmp_path: Path, phys: str) -> None:
    pf = FakePf(interfaces=[port("eth1", phys, switch=SWITCH if phys else "")])
    (read_pf,) = read_inventory(Host(tmp_path, [pf]).node.sysfs).pfs
    assert read_pf.interfaces is not UNKNOWN
    assert [one.name for one in read_pf.interfaces] == ["eth1"]


@pytest.mark.parametrize("pfs", [[GPU], [GPU, CARD]])
def test_a_gpu_with_vfs_is_nobodys_fault(tmp_path: Path, pfs: list[FakePf]) -> None:
    found = read(tmp_path, pfs)
    assert {one.level for one in found} == {Level.OK}
    (gpu,) = (one for one in found if one.code is Code.PF_NOT_A_NIC)
    assert "not a network card (PCI class 0x030000)" in gpu.text


def test_a_vf_of_a_gpu_is_in_no_network_namespace(tmp_path: Path) -> None:
    host = Host(tmp_path, [GPU])
    signals = read_inventory(host.node.sysfs, host.proc).signals
    said = [one for seen in signals.values() for one in seen]
    assert "driver i915" in {one.who for one in said}
    assert not any("namespace" in f"{one.text} {one.who}" for one in said)


def test_a_network_card_whose_class_cannot_be_read_is_one(tmp_path: Path) -> None:
    host = Host(tmp_path, [FakePf()])
    (host.tree.function("0000:01:00.0") / "class").unlink()
    (pf,) = read_inventory(host.node.sysfs).pfs
    assert pf.network_card


def test_infiniband_has_no_mac_address_to_set(tmp_path: Path) -> None:
    pf = FakePf(
        driver="mlx5_core",
        interfaces=[FakeInterface("ib0", UP, "up", hardware=32)],
        vfs=[FakeVf("vfio-pci", group=15)],
        group=14,
        device_class="020700",
    )
    (finding,) = read(tmp_path, [pf])
    assert (finding.code, finding.level) == (Code.PF_INFINIBAND, Level.WARNING)
    assert "libvirt can set neither a MAC address" in finding.text
    assert "plain <hostdev>" in finding.remedy
    assert str(finding.evidence[0]) == "/sys/class/net/ib0/type: 32"


def test_no_pool_is_advised_where_the_firmware_allows_no_vf(tmp_path: Path) -> None:
    interface = FakeInterface("eth1", UP, "up")
    pf = FakePf(driver="mlx5_core", interfaces=[interface], totalvfs=0, group=14)
    (finding,) = read(tmp_path, [pf])
    assert (finding.code, finding.level) == (Code.PF_NO_VFS, Level.WARNING)
    assert "SRIOV_EN and NUM_OF_VFS in mlxconfig" in finding.remedy
    assert "pool" not in finding.remedy


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("direct", [Code.GROUP_RESERVED]),
        ("direct-relaxable", []),
        ("msi", []),
        ("reserved", []),
    ],
)
def test_memory_that_the_firmware_reserves_keeps_a_vf_from_vfio(
    tmp_path: Path, kind: str, codes: list[Code]
) -> None:
    host = Host(tmp_path, [CARD])
    line = f"0x00000000df6f4000 0x00000000df6f6fff {kind}"
    msi = "0x00000000fee00000 0x00000000feefffff msi"
    path = tmp_path / "sys/kernel/iommu_groups/15/reserved_regions"
    path.write_text(f"{line}\n{msi}\n")
    found = diagnose(host.node, Question("qemu:///system"), tmp_path / "root")
    bad = [one for one in found if one.code in PCI and one.level is not Level.OK]
    assert [one.code for one in bad] == codes
    for one in bad:
        assert one.level is Level.FAILS
        assert "platform RMRR requirement" in one.message
        assert [str(read) for read in one.evidence] == [
            f"/sys/kernel/iommu_groups/15/reserved_regions: {line}"
        ]
