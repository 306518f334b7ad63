# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from sidecar.host.holders import Holders, Process, read_holders
from tests.fakes.sriov import make_procfs


def test_holders_are_found_by_file(tmp_path: Path) -> None:
    proc = make_procfs(
        tmp_path / "proc",
        {
            20: ("virt", ["/dev/vfio/7", "/dev/vfio/7", "/dev/vfio/8", "socket:[1]"]),
            3: ("dpdk", ["/dev/vfio/7"]),
            4: ("sh", ["/dev/vfiox", "/dev/vfi", "/home/dev/vfio/7"]),
        },
    )
    both = (Process(3, "dpdk"), Process(20, "virt"))
    assert read_holders(proc) == Holders({"7": both, "8": both[1:]}, hidden=False)
    assert str(both[0]) == "dpdk 3"


def test_processes_that_end_meanwhile_are_no_holders(tmp_path: Path) -> None:
    proc = make_procfs(tmp_path / "proc", {5: ("qemu", ["/dev/vfio/7"])})
    (proc / "6").mkdir()
    (proc / "5/comm").unlink()
    assert read_holders(proc) == Holders({"7": (Process(5, ""),)}, hidden=False)
    assert str(Process(5, "")) == "5"


def test_descriptors_that_may_not_be_read_are_told(tmp_path: Path) -> None:
    proc = make_procfs(tmp_path / "proc", {5: ("qemu", ["/dev/vfio/7"])})
    (proc / "6").mkdir()
    # An error for root too, who may read every folder.
    (proc / "6/fd").write_text("")
    assert read_holders(proc) == Holders({"7": (Process(5, "qemu"),)}, hidden=True)
    assert read_holders(tmp_path / "nowhere") == Holders({}, hidden=True)


def test_a_name_does_not_reach_the_terminal_as_a_command(tmp_path: Path) -> None:
    proc = make_procfs(tmp_path / "proc", {5: ("\x1b[2Jqemu", ["/dev/vfio/7"])})
    assert read_holders(proc).by_file["7"] == (Process(5, "?[2Jqemu"),)
