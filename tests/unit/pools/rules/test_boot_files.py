# SPDX-License-Identifier: Apache-2.0
"""What makes VFs at boot without the agent, read by the programs that it is for."""

import shutil
import subprocess
from pathlib import Path

import pytest

from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.pools.rules.boot_files import format_udev_rule, format_unit
from tests.support import missing

PF = PciAddress.parse("0000:01:00.0")


def record(name: str = "pool", pf_name: str = "eth1", minimum: int | None = 4) -> PoolRecord:
    return PoolRecord(PoolDefinition(name, pf_name, minimum), PF)


def run(*command: str) -> str:
    if shutil.which(command[0]) is None:
        missing(f"{command[0]} is not installed")
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own
    return done.stdout + done.stderr


def test_the_rule_writes_only_where_there_is_none() -> None:
    (rule,) = (line for line in format_udev_rule(record()).splitlines() if not line.startswith("#"))
    parts = rule.split(", ")
    assert 'KERNELS=="0000:01:00.0"' in parts
    matched = parts.index('ATTR{device/sriov_numvfs}=="0"')
    assert matched < parts.index('ATTR{device/sriov_numvfs}="4"')


def test_a_rule_needs_a_number() -> None:
    with pytest.raises(RequestError, match="no <vf num"):
        format_udev_rule(record(minimum=None))


def test_no_rule_where_an_interface_that_is_down_gets_no_vfs() -> None:
    with pytest.raises(RequestError, match=r"driver bnxt_en, .* up; .*pool systemd pool, or"):
        format_udev_rule(record(), "bnxt_en")


@pytest.mark.parametrize("name", ["pool", "100% of it", 'a "b" $HOME \\ c'])
@pytest.mark.parametrize("pf_name", ["eth1", "enp1s0f0-a.7"])
def test_systemd_takes_the_unit(tmp_path: Path, name: str, pf_name: str) -> None:
    unit = tmp_path / "portside-pool.service"
    # systemd looks whether the command is there; this machine may have no portside.
    unit.write_text(format_unit(record(name, pf_name), "/bin/echo"))
    assert run("systemd-analyze", "verify", "--man=no", str(unit)) == ""


def test_the_unit_waits_for_the_device_that_systemd_calls_so() -> None:
    path = run("systemd-escape", "--path", "/sys/subsystem/net/devices/enp1s0f0-a.7").strip()
    assert f"After={path}.device " in format_unit(record(pf_name="enp1s0f0-a.7"), "/bin/echo")
