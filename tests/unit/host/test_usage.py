# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.host.inventory import read_inventory
from sidecar.host.sysfs import Sysfs
from sidecar.host.writer import is_vfio
from sidecar.model.availability import Assessment, Availability, Evidence
from sidecar.model.vf import UNKNOWN, Unknown
from sidecar.pools.rules.availability import assess, weigh_guest
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

Processes = Mapping[int, tuple[str, Sequence[str]]]
QEMU: Processes = {1: ("init", ["/dev/null"]), 4711: ("qemu", ["/dev/null", "/dev/vfio/16"])}
IDLE = FakeInterface("eth9")


def confirmed(signals: tuple[Evidence, ...]) -> Assessment:
    """Assess a VF that no domain of libvirt has."""
    return assess((*signals, weigh_guest(None)))


def use(tmp_path: Path, vf: FakeVf, processes: Processes | None = None) -> Assessment:
    fake = FakeSysfs(tmp_path / "sys", [FakePf(vfs=[vf])])
    proc = make_procfs(tmp_path / "proc", processes or {})
    (signals,) = read_inventory(fake.sysfs(), proc).signals.values()
    return confirmed(signals)


@pytest.mark.parametrize(
    ("vf", "processes", "verdict", "users", "texts"),
    [
        (
            FakeVf("vfio-pci", group=16),
            {},
            Availability.FREE,
            [],
            ["vfio-pci has it, and the device is disabled (enable 0)"],
        ),
        (
            FakeVf("vfio-pci", group=16, enable=1),
            QEMU,
            Availability.IN_USE,
            ["qemu 4711"],
            [
                "process qemu 4711 has /dev/vfio/16 open",
                "vfio-pci has it, and the device is enabled (enable 1)",
            ],
        ),
        (
            FakeVf("mlx5_vfio_pci", group=17, enable=1),
            QEMU,
            Availability.IN_USE,
            ["an unidentified process"],
            ["mlx5_vfio_pci has it, and the device is enabled (enable 1)"],
        ),
        # The group is open, the device not yet: a guest about to start.
        (FakeVf("vfio-pci", group=16), QEMU, Availability.IN_USE, ["qemu 4711"], None),
        (
            FakeVf("vfio-pci", vfio_device="vfio3"),
            {9: ("ch", ["/dev/vfio/devices/vfio3"]), 8: ("ch", ["/dev/vfio/devices/vfio4"])},
            Availability.IN_USE,
            ["ch 9"],
            None,
        ),
        (
            FakeVf("vfio-pci", group=16),
            {7: ("dpdk", ["/dev/vfio/noiommu-16", "/dev/vfio/vfio"])},
            Availability.IN_USE,
            ["dpdk 7"],
            None,
        ),
        (
            FakeVf(None),
            {},
            Availability.FREE,
            [],
            ["it has no driver, and the device is disabled (enable 0)"],
        ),
        (FakeVf(None, enable=2), {}, Availability.IN_USE, [], None),
        (FakeVf("igbvf"), {}, Availability.IN_USE, ["another network namespace?"], None),
        (FakeVf(interfaces=[IDLE]), {}, Availability.FREE, [], ["interface eth9 is down"]),
        (
            FakeVf(interfaces=[replace(IDLE, flags=UP)]),
            {},
            Availability.IN_USE,
            ["eth9 is up"],
            ["interface eth9 is up"],
        ),
        (
            FakeVf(interfaces=[replace(IDLE, master="br0")]),
            {},
            Availability.IN_USE,
            ["in br0"],
            ["interface eth9 is down", "interface eth9 belongs to br0"],
        ),
        (
            FakeVf(interfaces=[replace(IDLE, uppers=["macvtap0", "vlan7"])]),
            {},
            Availability.IN_USE,
            ["below macvtap0", "below vlan7"],
            None,
        ),
        # Two ports of one function: one of them in use is enough.
        (
            FakeVf(interfaces=[IDLE, FakeInterface("eth10", UP)]),
            {},
            Availability.IN_USE,
            ["eth10 is up"],
            None,
        ),
    ],
)
def test_each_signal_is_weighed(  # noqa: PLR0913, PLR0917 - one parameter a column
    tmp_path: Path,
    vf: FakeVf,
    processes: Processes,
    verdict: Availability,
    users: list[str],
    texts: list[str] | None,
) -> None:
    usage = use(tmp_path, vf, processes)
    assert usage.availability is verdict
    assert list(usage.users) == users
    if texts is not None:
        assert [evidence.text for evidence in usage.evidence[:-1]] == texts


@pytest.mark.parametrize(
    ("vf", "path", "text"),
    [
        (
            FakeVf("vfio-pci", group=16),
            "enable",
            "cannot read whether the device is enabled",
        ),
        (FakeVf(None), "enable", "cannot read whether the device is enabled"),
        (FakeVf("igbvf"), "driver", "its driver cannot be read"),
        (FakeVf("vfio-pci", group=16), "iommu_group", "cannot read its IOMMU group"),
        (FakeVf(interfaces=[IDLE]), "net/eth9/flags", "cannot read whether interface eth9 is up"),
        (FakeVf(interfaces=[IDLE]), "net/eth9", "cannot read what uses interface eth9"),
        (FakeVf(interfaces=[IDLE]), "net", "its interfaces cannot be read"),
        (
            FakeVf(interfaces=[replace(IDLE, master="br0")]),
            "net/eth9/master",
            "what uses interface",
        ),
    ],
)
def test_what_cannot_be_read_counts_as_in_use(
    tmp_path: Path, vf: FakeVf, path: str, text: str
) -> None:
    pf = FakePf(vfs=[vf])
    fake = FakeSysfs(tmp_path / "sys", [pf])
    spoiled = fake.function(pf.vf_address(0)) / path
    # Neither a file to read, nor a link, nor a folder to list; for root too.
    spoiled.rename(spoiled.with_name("before"))
    if path in ("enable", "net/eth9/flags"):
        spoiled.symlink_to(spoiled.name)
    else:
        spoiled.write_text("neither link nor folder\n")
    (signals,) = read_inventory(fake.sysfs(), make_procfs(tmp_path / "proc", {})).signals.values()
    usage = confirmed(signals)
    assert not usage.free
    assert any(text in evidence.text for evidence in usage.evidence)


def test_hidden_processes_matter_only_if_enable_does_not_tell(tmp_path: Path) -> None:
    pf = FakePf(vfs=[FakeVf("vfio-pci", group=16)])
    fake = FakeSysfs(tmp_path / "sys", [pf])
    nowhere = tmp_path / "no-proc"
    (signals,) = read_inventory(fake.sysfs(), nowhere).signals.values()
    usage = confirmed(signals)
    assert usage.free
    (fake.function(pf.vf_address(0)) / "enable").unlink()
    inventory = read_inventory(fake.sysfs(), nowhere)
    (signals,) = inventory.signals.values()
    usage = confirmed(signals)
    assert usage.availability is Availability.UNKNOWN
    assert "not all processes can be inspected" in [one.text for one in usage.evidence]
    assert inventory.pfs[0].vfs is not UNKNOWN


@pytest.mark.parametrize(
    ("driver", "expected"),
    [
        ("vfio-pci", True),
        ("mlx5_vfio_pci", True),
        ("xe-vfio-pci", True),
        ("igbvf", False),
        ("vfio", False),
        ("uio_pci_generic", False),
    ],
)
def test_drivers_of_vfio_are_told_by_their_names(driver: str, expected: bool) -> None:
    assert is_vfio(driver) is expected


def test_an_address_makes_an_interface_used_though_it_is_down(tmp_path: Path) -> None:
    usage = use(tmp_path, FakeVf(interfaces=[FakeInterface("eth9", addressed=True)]))
    assert (usage.availability, usage.users) == (Availability.IN_USE, ("eth9 has an address",))


@pytest.mark.parametrize("addressed", [None, UNKNOWN])
def test_addresses_that_nobody_can_tell_are_a_doubt(
    tmp_path: Path, addressed: Unknown | None
) -> None:
    fake = FakeSysfs(tmp_path / "sys", [FakePf(vfs=[FakeVf(interfaces=[IDLE])])])
    sysfs = Sysfs(fake.root, addressed=addressed)
    (signals,) = read_inventory(sysfs, make_procfs(tmp_path / "proc", {})).signals.values()
    usage = confirmed(signals)
    assert usage.availability is Availability.UNKNOWN
    assert any("cannot read whether interface" in one.text for one in usage.evidence)
