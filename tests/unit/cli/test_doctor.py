# SPDX-License-Identifier: Apache-2.0
"""``portside doctor`` as people run it, on made-up hosts and libvirt's own test driver."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.sriov import DOWN, UP, FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs
from tests.unit.cli.commands import run

pytest.importorskip("libvirt", reason="needs libvirt-python")
pytest.importorskip("pyroute2", reason="needs pyroute2")

DOMAIN = """\
<domain type='test'><name>vm</name><memory>65536</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices>{}<controller type='pci' index='9' model='pcie-root-port'/></devices></domain>
"""
GONE = (
    "<hostdev mode='subsystem' type='pci' managed='yes'>"
    "<source><address domain='0' bus='0x65' slot='0' function='1'/></source></hostdev>"
)
TABLE = """\
FAILS pf-down  PF 0000:01:00.0 eth1: it is down: libvirt cannot attach its VFs to a guest as interfaces
  says  Unable to configure VF 0 of PF 'eth1' because the PF is not online. Please change host network config to put the PF online.
  read  /sys/class/net/eth1/flags: not up (IFF_UP)
        /sys/class/net/eth1/operstate: down
  fix   ip link set eth1 up; and in the host's network configuration, so that it persists across reboots
ok iommu  host: the IOMMU is on
ok vfio  host: VFIO is available; vfio-pci is loaded when needed; QEMU may open its files
"""  # noqa: E501 - lines as they are printed


class Host:
    """A made-up host with its libvirt, and the command on it."""

    def __init__(self, folder: Path, *, up: bool = True) -> None:
        interface = FakeInterface("eth1", UP if up else DOWN, "up" if up else "down")
        vfs = [FakeVf(interfaces=[FakeInterface("eth1v0")], group=15)]
        FakeSysfs(folder / "sys", [FakePf(interfaces=[interface], vfs=vfs, group=14)])
        make_procfs(folder / "proc", {})
        (folder / "proc/cmdline").write_text("intel_iommu=on iommu=pt\n")
        (folder / "sys/kernel/iommu_groups/14/type").write_text("identity\n")
        (folder / "vm.xml").write_text(DOMAIN.format(GONE))
        (folder / "node.xml").write_text("<node><domain file='vm.xml'/></node>")
        (folder / "root/dev/vfio").mkdir(parents=True)
        (folder / "root/dev/vfio/vfio").touch(0o666)
        self._folder = folder
        self.uri = f"test://{folder}/node.xml"

    def doctor(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        places = [f"--{name}={self._folder / name}" for name in ("sysfs", "proc", "state", "root")]
        places[0] = f"--sysfs={self._folder / 'sys'}"
        done = run("doctor", *places, *arguments, stdin=stdin.encode())
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def codes(self, *arguments: str, stdin: str = "") -> tuple[int, dict[str, Any]]:
        code, out, _ = self.doctor("--connect", self.uri, "-o", "json", *arguments, stdin=stdin)
        findings = json.loads(out)["findings"]
        return code, {one["code"]: one for one in findings if one["level"] != "ok"}


def test_a_healthy_host(tmp_path: Path) -> None:
    host = Host(tmp_path)
    code, out, err = host.doctor("--connect", host.uri)
    assert (code, err) == (0, "")
    assert out.endswith("0 problems, 0 warnings.\n")
    assert "ok pf  PF 0000:01:00.0 eth1: 1 of 7 VFs, driver igb\n" in out
    assert "/proc/cmdline" not in out
    assert "  read  /sys/kernel/iommu_groups: 2 groups\n" in host.doctor("--verbose")[1]


def test_what_fails_comes_first_with_message_evidence_and_remedy(tmp_path: Path) -> None:
    host = Host(tmp_path, up=False)
    code, out, _ = host.doctor("--connect", host.uri)
    assert code == 1
    assert out.startswith(TABLE)
    assert out.endswith("1 problem, 0 warnings.\n")


def test_json_has_the_same(tmp_path: Path) -> None:
    code, found = Host(tmp_path, up=False).codes()
    assert (code, set(found)) == (1, {"pf-down"})
    assert set(found["pf-down"]) == {
        *("code", "level", "object", "text", "message", "evidence", "remedy")
    }
    assert found["pf-down"]["evidence"][0] == {
        "source": "/sys/class/net/eth1/flags",
        "content": "not up (IFF_UP)",
    }


@pytest.mark.parametrize("way", ["name", "file", "stdin"])
def test_a_domain_by_name_file_and_standard_input(tmp_path: Path, way: str) -> None:
    host = Host(tmp_path)
    given = {"name": "vm", "file": str(tmp_path / "vm.xml"), "stdin": "-"}[way]
    code, found = host.codes("--domain", given, stdin=DOMAIN.format(GONE))
    assert (code, set(found)) == (1, {"vf-missing"})
    assert found["vf-missing"]["object"].startswith("domain vm, <hostdev>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--domain", "nobody"], "domain nobody: no such domain, and no such file"),
        (["--domain", "/no/such.xml"], "--domain /no/such.xml: no such file"),
        (["--domain", "-"], "domain XML: not well-formed"),
        (["--pool", "nowhere"], "pool nowhere: no such pool"),
    ],
)
def test_a_wrong_call(tmp_path: Path, arguments: list[str], said: str) -> None:
    host = Host(tmp_path)
    code, out, err = host.doctor("--connect", host.uri, *arguments, stdin="<domain>")
    assert (code, out) == (2, "")
    assert err.startswith("portside doctor: ")
    assert said in err


def test_a_libvirt_that_was_named_and_does_not_answer(tmp_path: Path) -> None:
    host = Host(tmp_path)
    code, out, _ = host.doctor("--connect", f"qemu+unix:///system?socket={tmp_path}/none")
    assert code == 1
    assert out.startswith("FAILS libvirt-unreachable  qemu+unix:///system?socket=")
    assert "ok pf  PF 0000:01:00.0 eth1" in out


def test_a_domain_from_a_file_needs_no_libvirt(tmp_path: Path) -> None:
    host = Host(tmp_path)
    code, out, _ = host.doctor("--domain", str(tmp_path / "vm.xml"), "-o", "json")
    found = {one["code"]: one["level"] for one in json.loads(out)["findings"]}
    assert (code, found["vf-missing"]) == (1, "fails")
    # Whether this machine has a libvirt or not: nobody asked for it.
    assert found.get("libvirt-unreachable") in {None, "warning"}
