# SPDX-License-Identifier: Apache-2.0
"""``portside pool`` as people type it, on a fake sysfs and libvirt's test driver."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sidecar.cli.app import app
from sidecar.virt.connection import open_libvirt
from sidecar.virt.networks import Networks
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

DRIVER = "test:///default"
"""One per process, for as long as anybody has it open."""


class Command:
    """``portside pool`` with the options that point it at this test's host."""

    def __init__(self, folder: Path, pf: FakePf | None = None) -> None:
        vfs = [FakeVf("vfio-pci", group=20), FakeVf("vfio-pci", group=21, enable=1)]
        eth1 = FakeInterface("eth1", UP, "up")
        FakeSysfs(folder / "sys", [pf or FakePf(interfaces=[eth1], vfs=vfs, group=9)])
        self.folder = folder
        make_procfs(folder / "proc", {})
        roots = {"state-dir": "state", "sysfs": "sys", "proc": "proc"}
        self._options = [f"--{name}={folder / path}" for name, path in roots.items()]

    def run(self, *arguments: str, code: int = 0, given: str | None = None) -> Result:
        name, *rest = arguments
        result = CliRunner().invoke(
            app,
            ["pool", name, f"--connect={DRIVER}", *self._options, *rest],
            input=given,
            env={"COLUMNS": "200"},
            prog_name="portside",
        )
        assert result.exit_code == code, result.output
        return result

    def define(self, count: int = 2) -> None:
        file = self.folder / "pool.xml"
        file.write_text(network(count))
        self.run("define", str(file))


def network(count: int, pf: str = "eth1") -> str:
    return (
        "<network><name>fast</name><forward mode='hostdev' managed='yes'>"
        f"<pf dev='{pf}'><vf num='{count}'/></pf></forward></network>"
    )


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Command]:
    with open_libvirt(DRIVER) as libvirt:
        networks = Networks(libvirt)
        # Its own network is active, and the driver does not tell the definition of such a one.
        networks.destroy("default")
        yield Command(tmp_path)


def test_a_pool_is_defined_listed_shown_and_forgotten(pool: Command) -> None:
    assert "No pool" in pool.run("list").stdout
    pool.define()
    (one,) = json.loads(pool.run("list", "-o", "json").stdout)
    assert one == {
        "name": "fast",
        "pf": "eth1",
        "minimum": 2,
        "active": False,
        "autostart": False,
        "portside": True,
    }
    assert pool.run("list").stdout.split()[-6:] == [
        "fast",
        "inactive",
        "no",
        "eth1",
        "2",
        "portside",
    ]
    xml = pool.run("dumpxml", "fast").stdout
    assert "<vf num=" in xml
    pool.run("undefine", "fast")
    assert json.loads(pool.run("list", "-o", "json").stdout) == []
    assert "no such pool" in pool.run("undefine", "fast", code=1).stderr


def test_what_dumpxml_prints_define_takes(pool: Command) -> None:
    pool.define()
    xml = pool.run("dumpxml", "fast").stdout
    pool.run("define", "-", given=xml)
    assert pool.run("dumpxml", "fast").stdout == xml


def test_an_error_names_command_and_object(pool: Command) -> None:
    error = pool.run("define", "-", given=network(2, "eth7"), code=1).stderr
    assert error.startswith("portside pool define: pool fast, <pf dev='eth7'>: ")
    assert "found PFs with eth1" in error
    assert "No such file" in pool.run("define", str(pool.folder / "no.xml"), code=2).stderr


def test_a_plan_without_obstacles(pool: Command) -> None:
    pool.define()
    plan = json.loads(pool.run("plan", "fast", "-o", "json").stdout)
    assert [step["kind"] for step in plan["steps"]] == ["check IOMMU groups", "start network"]
    assert plan["obstacles"] == []
    assert "1. check that the IOMMU group" in pool.run("plan", "fast").stdout


def test_a_plan_that_something_stands_against_has_exit_code_1(pool: Command) -> None:
    pool.define(3)
    plan = json.loads(pool.run("plan", "fast", "-o", "json", code=1).stdout)
    (obstacle,) = plan["obstacles"]
    assert "VF 1 (0000:01:10.2) is in use" in obstacle["text"]
    assert obstacle["who"] == "an unidentified process"
    assert "Blocked by: VF 1" in pool.run("plan", "fast", code=1).stdout


def test_start_and_stop_say_what_was_done(pool: Command) -> None:
    pool.define()
    assert "Pool fast started" in pool.run("start", "fast").stdout
    assert "Nothing to do" in pool.run("start", "fast").stdout
    refused = pool.run("stop", "fast", code=1).stderr
    assert refused.startswith("portside pool stop: pool fast cannot be stopped")
    assert "VF 1" in refused
    stopped = pool.run("stop", "fast", "--keep-vfs").stdout
    assert "1. stop the network fast" in stopped
    assert "kept" in stopped


def test_the_status_for_people_and_for_programs(pool: Command) -> None:
    assert "No pool" in pool.run("status").stdout
    pool.define(4)
    (status,) = json.loads(pool.run("status", "-o", "json").stdout)
    assert (status["minimum"], status["present"], status["free"]) == (4, 2, 1)
    assert {state: number for state, number in status["counts"].items() if number} == {
        "free": 1,
        "in use": 1,
    }
    assert [vf["availability"] for vf in status["vfs"]] == ["free", "in use"]
    assert {one["source"] for one in status["vfs"][0]["evidence"]} >= {"kernel", "libvirt"}
    text = pool.run("status", "fast").stdout
    assert "VFs: 4 wanted, 2 present, 1 free, 1 in use, 7 possible" in text
    assert "Warning: 2 of 4 wanted VFs present" in text
    assert "no such pool" in pool.run("status", "slow", code=1).stderr


def test_autostart_is_marked_and_taken_back(pool: Command) -> None:
    pool.define()
    pool.run("autostart", "fast")
    assert json.loads(pool.run("list", "-o", "json").stdout)[0]["autostart"]
    pool.run("autostart", "fast", "--disable")
    assert not json.loads(pool.run("list", "-o", "json").stdout)[0]["autostart"]


def test_files_for_the_boot(pool: Command) -> None:
    pool.define()
    assert 'ATTR{device/sriov_numvfs}="2"' in pool.run("udev", "fast").stdout
    # systemd looks into no PATH of a shell.
    command = Path(sys.executable).with_name("portside")
    assert f'ExecStart="{command}" pool start "fast"' in pool.run("systemd", "fast").stdout


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize("driver", ["bnxt_en", "bnx2x"])
def test_no_udev_rule_for_a_driver_that_makes_vfs_only_while_the_pf_is_up(
    tmp_path: Path, driver: str
) -> None:
    pool = Command(tmp_path / "other", FakePf(driver=driver, interfaces=[FakeInterface("eth1")]))
    pool.define()
    said = pool.run("udev", "fast", code=1)
    assert said.stdout == ""
    assert f"driver {driver}, which makes VFs only while the PF's interface is up" in said.stderr
    assert "portside pool systemd fast" in said.stderr


@pytest.mark.usefixtures("pool")
def test_define_says_what_infiniband_does_not_allow(tmp_path: Path) -> None:
    eth1 = FakeInterface("eth1", UP, "up", hardware=32)
    pool = Command(tmp_path / "other", FakePf(driver="mlx5_core", interfaces=[eth1]))
    file = pool.folder / "pool.xml"
    file.write_text(network(2))
    assert "Note: eth1 is InfiniBand, not Ethernet" in pool.run("define", str(file)).stdout


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize(
    ("name", "found"),
    [("eth0", "PFs with eth1"), ("eth1", "expected at most 8, .*NUM_OF_VFS in mlxconfig")],
)
def test_a_representor_is_no_pf_and_too_many_vfs_a_matter_of_the_firmware(
    tmp_path: Path, name: str, found: str
) -> None:
    interfaces = [
        FakeInterface("eth0", UP, "up", port="pf0vf0", switch="aa"),
        FakeInterface("eth1", UP, "up", port="p0", switch="aa"),
    ]
    pf = FakePf(driver="mlx5_core", interfaces=interfaces, totalvfs=8)
    pool = Command(tmp_path / "other", pf)
    said = pool.run("define", "-", code=1, given=network(9, name)).stderr
    assert re.search(found, said)


def test_recover_needs_the_kernels_answer(pool: Command) -> None:
    pool.define()
    assert "Quarantine of pool fast ended" in pool.run("recover", "fast").stdout
    (pool.folder / "sys/bus/pci/devices/0000:01:00.0/sriov_numvfs").write_text("1\n")
    error = pool.run("recover", "fast", code=1).stderr
    assert "remains in quarantine; found 1; expected 2" in error
