# SPDX-License-Identifier: Apache-2.0
"""What is refused before the kernel is asked; tests/card has what it takes."""

from pathlib import Path

import pytest

from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs
from tests.unit.cli.commands import run

HELD, FREE, UNSEEN = "01:10.0", "01:10.2", "01:10.4"


@pytest.fixture
def places(tmp_path: Path) -> list[str | Path]:
    """The options that name a made-up host."""
    interface = FakeInterface("portside-none", UP, "up")
    vfs = [
        FakeVf("vfio-pci", group=16, enable=1),
        FakeVf("vfio-pci", group=17),
        FakeVf(interfaces=[FakeInterface("portside-v2")]),
    ]
    fake = FakeSysfs(tmp_path / "sys", [FakePf(interfaces=[interface], vfs=vfs)])
    proc = make_procfs(tmp_path / "proc", {4711: ("qemu", ["/dev/vfio/16"])})
    return ["--sysfs", fake.root, "--proc", proc, "--state-dir", tmp_path / "state"]


def refuse(places: list[str | Path], *arguments: str) -> str:
    done = run("vf", "set", *arguments, *places)
    assert (done.returncode, done.stdout) == (1, b"")
    return done.stderr.decode()


def test_a_vf_in_use_is_refused_with_its_user(places: list[str | Path]) -> None:
    said = refuse(places, HELD, "--vlan", "100")
    assert "VF 0 (0000:01:10.0) of PF 0000:01:00.0: the VF is in use" in said
    assert "found qemu 4711: process qemu 4711 has /dev/vfio/16 open" in said


def test_a_doubt_counts_as_in_use(places: list[str | Path]) -> None:
    said = refuse(places, UNSEEN, "--vlan", "100")
    assert "the VF is not proven free" in said
    assert "cannot read whether interface portside-v2 has an IP address" in said


def test_force_never_takes_the_mac_address_of_a_vf_in_use(places: list[str | Path]) -> None:
    said = refuse(places, HELD, "--mac", "02:00:00:00:00:01", "--vlan", "5", "--force")
    assert "the MAC address of a VF in use cannot be changed, even with --force" in said
    assert "qemu 4711" in said


@pytest.mark.parametrize("arguments", [(FREE, "--trust"), (HELD, "--trust", "--force")])
def test_what_may_be_set_goes_to_the_pf(places: list[str | Path], arguments: tuple[str]) -> None:
    assert "interface portside-none: no such network interface" in refuse(places, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((FREE,), "nothing to set"),
        ((FREE, "--qos", "3"), "--qos and --vlan-protocol need a VLAN"),
        ((FREE, "--vlan", "0", "--qos", "3"), "a priority or protocol without a VLAN"),
        ((FREE, "--min-tx-rate", "2", "--max-tx-rate", "1"), "the minimum rate is above"),
        (("01:00.0", "--trust"), "no VF at this address; found a PF"),
        (("02:10.0", "--trust"), "no VF at this address; found nothing with SR-IOV"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(
    places: list[str | Path], arguments: tuple[str, ...], says: str
) -> None:
    assert says in refuse(places, *arguments)
