# SPDX-License-Identifier: Apache-2.0
"""The same wrong input gets the same answer, whichever command it is given to."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sidecar.cli.app import app
from tests.fakes.sriov import FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

VF, PF, NOWHERE = "0000:01:10.0", "0000:01:00.0", "0000:02:10.0"
ADDRESS = (
    ("vf", "set", "{}", "--trust"),
    ("lease", "show", "{}"),
    ("lease", "clear", "{}"),
)
"""Commands that take a VF's address, and look it up."""
NAMED = (*ADDRESS, ("pool", "detach", "vm", "--vf", "{}"), ("vf", "show", "{}"))
MAC = (
    ("vf", "set", VF, "--mac", "{}"),
    ("pool", "attach", "vm", "pool", "--mac", "{}"),
    ("pool", "detach", "vm", "--mac", "{}"),
)
POOL = (
    ("pool", "start", "{}"),
    ("pool", "stop", "{}"),
    ("pool", "plan", "{}"),
    ("pool", "status", "{}"),
    ("pool", "dumpxml", "{}"),
    ("pool", "recover", "{}"),
    ("pool", "autostart", "{}"),
    ("pool", "undefine", "{}"),
    ("pool", "attach", "vm", "{}"),
)
DOMAIN = (("pool", "attach", "{}", "pool"), ("pool", "detach", "{}", "--alias", "ua-x"))


@pytest.fixture
def places(tmp_path: Path) -> list[str | Path]:
    """The options that name a made-up host, and libvirt's test driver with a domain."""
    pytest.importorskip("libvirt", reason="needs libvirt-python")
    (tmp_path / "node.xml").write_text(
        "<node><domain type='test'><name>vm</name><memory>65536</memory>"
        "<os><type>hvm</type></os></domain></node>"
    )
    vfs = [FakeVf("vfio-pci", group=17)]
    tree = FakeSysfs(tmp_path / "sys", [FakePf(interfaces=[FakeInterface("eth1")], vfs=vfs)])
    proc = make_procfs(tmp_path / "proc", {})
    state = tmp_path / "state"
    libvirt = f"test://{tmp_path}/node.xml"
    return ["--sysfs", tree.root, "--proc", proc, "--state-dir", state, "--connect", libvirt]


def answers(
    places: list[str | Path], commands: tuple[tuple[str, ...], ...], value: str
) -> set[tuple[int, str]]:
    """Return exit code and message of each command, without its name."""
    found = set()
    for command in commands:
        arguments = [one.format(value) for one in command]
        done = CliRunner().invoke(app, [*arguments, *map(str, places)], prog_name="portside")
        # The terminal's box of a usage error breaks lines.
        said = " ".join(done.stderr.replace("│", " ").split())
        found.add((done.exit_code, said.partition(": ")[2]))
    return found


@pytest.mark.parametrize(
    ("commands", "value", "code", "says"),
    [
        (MAC, "zz", 2, "not a MAC address; found 'zz'"),
        (MAC, "01:00:5e:00:00:01", 2, "a multicast MAC address cannot belong to an interface"),
        (NAMED, "3b", 2, "not a PCI address"),
        (ADDRESS, NOWHERE, 1, "no VF at this address; found nothing with SR-IOV"),
        (ADDRESS, PF, 1, "no VF at this address; found a PF"),
        (POOL, "slow", 1, "pool slow: no such pool. portside pool list shows"),
        (DOMAIN, "nobody", 1, "domain nobody: no such domain. virsh list --all shows"),
    ],
)
def test_one_answer(
    places: list[str | Path],
    commands: tuple[tuple[str, ...], ...],
    value: str,
    code: int,
    says: str,
) -> None:
    found = answers(places, commands, value)
    assert {one for one, _ in found} == {code}
    for _, said in found:
        assert says in said
    if code == 1:
        assert len(found) == 1
