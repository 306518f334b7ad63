# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from sidecar.pools.rules.availability import NO_LIBVIRT
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs
from tests.unit.cli.commands import run, run_process

CARD = FakePf(
    interfaces=[FakeInterface("enp1s0", UP, "up")],
    vfs=[
        FakeVf(interfaces=[FakeInterface("enp1s0v0")], group=15),
        FakeVf("vfio-pci", group=16, enable=1),
        FakeVf(group=17),
        FakeVf(None),
    ],
    group=14,
    node=1,
)
IDS = """\
8086  Intel Corporation
\t10c9  82576 Gigabit Network Connection
\t10ca  82576 Virtual Function
"""
LIST = """\
Address      VF ID        Interface Driver   Link Group NUMA State
0000:01:00.0 PF 8086:10c9 enp1s0    igb      up      14    1 4 of 7 VFs
0000:01:10.0  0 8086:10ca enp1s0v0  igbvf    down    15    - free
0000:01:10.2  1 8086:10ca -         vfio-pci -       16    - in use: qemu 4711
0000:01:10.4  2 8086:10ca -         igbvf    -       17    - in use: another
                                                             network namespace?
0000:01:10.6  3 8086:10ca -         -        -        -    - free
"""
TREE = """\
0000:01:00.0 8086:10c9 Intel Corporation 82576 Gigabit Network Connection
├── driver igb, enp1s0 up, 4 of 7 VFs
├── VF 0 0000:01:10.0 driver igbvf, enp1s0v0 down, free
├── VF 1 0000:01:10.2 driver vfio-pci, in use
│   └── qemu 4711
├── VF 2 0000:01:10.4 driver igbvf, in use
│   └── another network namespace?
└── VF 3 0000:01:10.6 no driver, free
"""
SHOW_PF = """\
Address:          0000:01:00.0
Type:             PF
Device:           8086:10c9 Intel Corporation 82576 Gigabit Network Connection
Driver:           igb
Driver override:  -
IOMMU group:      14
NUMA node:        1
Interface:        enp1s0: set up, link up
VFs:              4 present, 7 possible
Hint:             igb creates at most 7 VFs per port and refuses more (EPERM).
"""
SHOW_VF = """\
Address:          0000:01:10.2
Type:             VF 1 of PF 0000:01:00.0
Device:           8086:10ca Intel Corporation 82576 Virtual Function
Driver:           vfio-pci
Driver override:  -
IOMMU group:      16
NUMA node:        -
Interface:        none in this network namespace
Enable count:     1
State:            in use: qemu 4711
Processes:        in use: process qemu 4711 has /dev/vfio/16 open
Kernel:           in use: vfio-pci has it, and the device is enabled (enable 1)
Libvirt:          free: this host has no libvirt (--connect none)
Leases:           free: no lease
"""


class Host:
    """A made-up host, and the command on it."""

    def __init__(self, folder: Path, *pfs: FakePf, wedged: bool = False) -> None:
        self.fake = FakeSysfs(folder / "sys", pfs, wedged=wedged)
        self._proc = make_procfs(folder / "proc", {4711: ("qemu", ["/dev/vfio/16"])})
        self._ids = folder / "pci.ids"
        self._ids.write_text(IDS)

        self.places: list[str | Path] = ["--sysfs", self.fake.root, "--proc", self._proc]
        self.places += ["--pci-ids", self._ids]

    def vf(self, *arguments: str) -> tuple[int, str, str]:
        done = run("vf", *arguments, *self.places)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path, CARD)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["list"], LIST),
        (["tree"], TREE),
        (["show", "0000:01:00.0"], SHOW_PF),
        (["show", "pci_0000_01_10_2"], SHOW_VF),
    ],
)
def test_a_pipe_gets_80_columns_and_no_colour(
    host: Host, arguments: list[str], expected: str
) -> None:
    done = run_process("sidecar.cli", "vf", *arguments, *host.places)
    assert (done.returncode, done.stderr) == (0, b"")
    text = done.stdout.decode()
    assert host.vf(*arguments) == (0, text, "")
    assert max(map(len, text.splitlines())) <= 80
    assert [line.rstrip() for line in text.splitlines()] == expected.splitlines()


def test_long_names_leave_addresses_whole(tmp_path: Path) -> None:
    long = FakeInterface("enp129s0f0np0v1", UP, "lowerlayerdown", master="ovs-system-br-01")
    host = Host(tmp_path, FakePf("abcd:81:00.0", vfs=[FakeVf("mlx5_core", [long], group=1234)]))
    _, text, _ = host.vf("list")
    assert max(map(len, text.splitlines())) <= 80
    assert "abcd:81:10.0" in text
    joined = "".join(text.split())
    assert all(part in joined for part in ("1234", "8086:10ca"))


def test_json_is_for_programs(host: Host) -> None:
    code, text, _ = host.vf("list", "-o", "json")
    assert code == 0
    (pf,) = json.loads(text)["pfs"]
    first, second = pf.pop("vfs")[:2]
    assert pf == {
        "address": "0000:01:00.0",
        "id": "8086:10c9",
        "name": "Intel Corporation 82576 Gigabit Network Connection",
        "driver": "igb",
        "interfaces": [
            {
                "name": "enp1s0",
                "up": True,
                "operstate": "up",
                "master": None,
                "uppers": [],
                "unknown": {},
            }
        ],
        "iommu_group": 14,
        "numa_node": 1,
        "totalvfs": 7,
        "numvfs": 4,
        "unknown": {},
    }
    assert (first["availability"], first["users"]) == ("free", [])
    assert first["evidence"] == [
        {"source": "kernel", "verdict": "free", "text": "interface enp1s0v0 is down"},
        {"source": "libvirt", "verdict": "free", "text": NO_LIBVIRT.absent},
        {"source": "leases", "verdict": "free", "text": "no lease"},
    ]
    assert (second["index"], second["physfn"], second["enable"]) == (1, "0000:01:00.0", 1)
    assert (second["numa_node"], second["users"]) == (None, ["qemu 4711"])
    assert host.vf("tree", "--output", "json")[1] == text
    shown = json.loads(host.vf("show", "01:10.2", "-o", "json")[1])
    assert shown == second | {"driver_override": None}
    itself = json.loads(host.vf("show", "01:00.0", "-o", "json")[1])
    assert itself.pop("hints") == ["igb creates at most 7 VFs per port and refuses more (EPERM)."]
    vfs = [CARD.vf_address(index) for index in range(4)]
    assert itself == pf | {"driver_override": None, "vfs": vfs}


def test_what_is_unknown_is_null_with_a_reason(tmp_path: Path) -> None:
    host = Host(tmp_path, CARD)
    (host.fake.function(CARD.vf_address(3)) / "enable").write_text("\n")
    (host.fake.function(CARD.address) / "sriov_totalvfs").write_text("\n")
    _, text, _ = host.vf("list")
    assert "4 of ? VFs" in text
    assert text.split()[-2:] == ["-", "unknown"]
    pf = json.loads(host.vf("list", "-o", "json")[1])["pfs"][0]
    assert (pf["totalvfs"], pf["unknown"]) == (None, {"totalvfs": "sriov_totalvfs cannot be read"})
    assert pf["vfs"][3]["enable"] is None
    assert pf["vfs"][3]["unknown"] == {"enable": "enable cannot be read"}
    (host.fake.function(CARD.address) / "virtfn7").write_text("no link\n")
    _, text, _ = host.vf("tree")
    assert text.splitlines()[1] == "└── driver igb, enp1s0 up, ? of ? VFs"
    shown = json.loads(host.vf("show", "01:00.0", "-o", "json")[1])
    assert shown["vfs"] is None
    assert set(shown["unknown"]) == {"totalvfs", "numvfs", "vfs"}


def test_a_driver_override_is_shown_unless_reading_it_hangs(tmp_path: Path) -> None:
    host = Host(tmp_path / "fine", CARD)
    (host.fake.function(CARD.vf_address(1)) / "driver_override").write_text("vfio-pci\n")
    assert "Driver override:  vfio-pci" in host.vf("show", "01:10.2")[1]
    code, text, _ = Host(tmp_path / "wedged", CARD, wedged=True).vf("show", "01:10.2")
    assert code == 0
    assert "Driver override:  ?" in text


def test_a_host_without_sriov_says_so(tmp_path: Path) -> None:
    host = Host(tmp_path)
    sentence = f"No PF found under {host.fake.devices}: no PCI device here has SR-IOV.\n"
    for command in ("list", "tree"):
        assert host.vf(command) == (0, sentence, "")
        assert json.loads(host.vf(command, "-o", "json")[1]) == {"pfs": []}


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["show", "0000:00:1f.0"], 1, "portside vf show: 0000:00:1f.0: no PF or VF at this"),
        (["show", "0000:01:10.2.3"], 2, "not a PCI address"),
        (["show", "pci_0000"], 2, "not a PCI address"),
        (["list", "--sysfs", "/nowhere"], 1, "portside vf list: /nowhere/bus/pci/devices: cannot"),
    ],
)
def test_errors_are_sentences(host: Host, arguments: list[str], code: int, complaint: str) -> None:
    places: list[str | Path] = ["--sysfs", host.fake.root]
    places = [] if "--sysfs" in arguments else places
    done = run("vf", *arguments, *places)
    told = done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b"")
    assert complaint in " ".join(told.replace("│", " ").split())
    assert "Traceback" not in told
