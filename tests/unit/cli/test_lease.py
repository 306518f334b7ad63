# SPDX-License-Identifier: Apache-2.0
"""``portside lease`` as people run it, on a made-up host and libvirt's own test driver."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.model.lease import Holder, HolderKind
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.state.store import Store
from tests.fakes.sriov import FakePf, FakeSysfs, FakeVf, make_procfs
from tests.unit.cli.commands import run

pytest.importorskip("libvirt", reason="needs libvirt-python")
pytest.importorskip("pyroute2", reason="needs pyroute2")

PF = PciAddress.parse("0000:01:00.0")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
DOMAIN = Holder(HolderKind.DOMAIN, "web", "7a2ab9c0")
HELD, LEASED, FREE = "0000:01:10.0", "0000:01:10.2", "0000:01:10.4"
TABLE = """\
PF           VF Address      State   Holder       Pool Generation Time
0000:01:00.0 0  0000:01:10.0 inspect vmi shop/ann -    1          2026-01-02
                                                                  00:00:00.000Z
0000:01:00.0 1  0000:01:10.2 leased  domain web   fast 1          2026-01-02
                                                                  00:00:00.000Z
0000:01:00.0 5  not there    leased  domain web   fast 1          2026-01-02
                                                                  00:00:00.000Z
VF 0 of 0000:01:00.0 needs inspection: taking it was cut short
"""


class Host:
    """Three VFs, the first open in QEMU; leases of it, of the second, and of one not there."""

    def __init__(self, folder: Path) -> None:
        vfs = [FakeVf("vfio-pci", group=number) for number in (16, 17, 18)]
        FakeSysfs(folder / "sys", [FakePf(vfs=vfs)])
        make_procfs(folder / "proc", {4711: ("qemu", ["/dev/vfio/16"])})
        (folder / "node.xml").write_text("<node/>")
        self.store = Store(folder / "state")
        settings = VfSettings(mac=MacAddress("52:54:00:00:00:01"))
        with self.store.lock(PF) as held:
            held.take(0, Holder(HolderKind.VMI, "shop/ann"), settings, "", NOW)
            held.mark(0, "taking it was cut short", NOW)
            for index in (1, 5):
                held.confirm(held.take(index, DOMAIN, VfSettings(), "fast", NOW), NOW)
        self._places: list[str | Path] = ["--sysfs", folder / "sys", "--proc", folder / "proc"]
        self._places += ["--state-dir", folder / "state"]
        self.uri = f"test://{folder}/node.xml"

    def lease(self, *arguments: str, uri: str | None = None) -> tuple[int, str, str]:
        done = run("lease", *arguments, *self._places, "-c", uri or self.uri)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_list_has_all_that_are_not_free(host: Host) -> None:
    code, out, _ = host.lease("list")
    assert (code, [line.rstrip() for line in out.splitlines()]) == (0, TABLE.splitlines())


def test_the_list_for_programs(host: Host) -> None:
    code, out, _ = host.lease("list", "--all", "-o", "json")
    listed = json.loads(out)
    assert code == 0
    assert [(one["index"], one["address"], one["state"]) for one in listed] == [
        (0, HELD, "inspect"),
        (1, LEASED, "leased"),
        (2, FREE, "free"),
        (5, None, "leased"),
    ]
    assert listed[3] == {
        "pf": str(PF),
        "index": 5,
        "address": None,
        "state": "leased",
        "holder": {"kind": "domain", "name": "web", "uid": "7a2ab9c0"},
        "pool": "fast",
        "generation": 1,
        "time": "2026-01-02T00:00:00.000Z",
        "reason": None,
        "settings": dict.fromkeys(listed[3]["settings"]),
        "unknown": {},
        "availability": None,
        "users": [],
        "evidence": [],
    }
    states = [one["availability"] for one in listed]
    assert states == ["inspect", "leased", "free", None]
    assert listed[0]["users"] == ["qemu 4711", "vmi shop/ann"]
    assert listed[0]["settings"]["mac"] == "52:54:00:00:00:01"


@pytest.mark.parametrize("name", ["pci_0000_01_10_0", "01:00.0:0"])
def test_a_vf_is_shown_by_any_of_its_names(host: Host, name: str) -> None:
    code, out, _ = host.lease("show", name)
    lines = [line.split(":", 1) for line in out.splitlines()]
    said = [(name, value.strip()) for name, value in lines]
    assert code == 0
    assert ("Address", HELD) in said
    assert ("State", "inspect: taking it was cut short") in said
    assert ("MAC", "52:54:00:00:00:01") in said
    assert ("Processes", "in use: process qemu 4711 has /dev/vfio/16 open") in said
    assert ("Libvirt", "free: no running domain has it") in said


def test_it_is_shown_to_programs(host: Host) -> None:
    code, out, _ = host.lease("show", "01:00.0:5", "-o", "json")
    shown = json.loads(out)
    assert code == 0
    assert (shown["address"], shown["evidence"], shown["promised"]) == (None, [], None)


def test_only_what_nobody_has_is_cleared(host: Host) -> None:
    code, _, said = host.lease("clear", HELD)
    assert code == 1
    assert "portside lease clear: VF 0 (0000:01:10.0) of 0000:01:00.0: the VF is in use" in said
    assert "Release it first: qemu 4711" in said
    code, _, said = host.lease("clear", LEASED)
    assert code == 1
    assert "found leased by domain web, generation 1" in said
    assert f"portside pool detach web --vf {LEASED} returns it" in said
    code, out, said = host.lease("clear", LEASED, "--stale")
    assert (code, said) == (0, "")
    assert out == "Lease of VF 1 of 0000:01:00.0 (leased, domain web) cleared\n"
    assert host.lease("clear", "01:00.0:5", "--stale")[0] == 0
    assert [lease.free for lease in host.store.all_leases()] == [False, True, True]
    assert host.lease("clear", LEASED)[0] == 1


def test_a_libvirt_that_is_not_there_proves_nothing(host: Host) -> None:
    code, _, said = host.lease("clear", LEASED, "--stale", uri="test:///nowhere.xml")
    assert code == 1
    assert "cannot query libvirt" in said
    assert "--connect" in said
    code, out, _ = host.lease("show", LEASED, uri="test:///nowhere.xml")
    assert code == 0
    assert "cannot query libvirt" in out


@pytest.mark.parametrize("name", ["web", "01:00.0:65536"])
def test_what_names_no_vf_is_refused(host: Host, name: str) -> None:
    code, out, said = host.lease("show", name)
    assert (code, out) == (2, "")
    assert "ADDRESS" in said
