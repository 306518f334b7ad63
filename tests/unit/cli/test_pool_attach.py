# SPDX-License-Identifier: Apache-2.0
"""``portside pool attach`` and ``detach`` as people type them; what they do: tests/card."""

from pathlib import Path

import pytest

from tests.unit.cli.commands import run


@pytest.fixture
def libvirt(tmp_path: Path) -> str:
    """libvirt's test driver, with a domain and no network."""
    pytest.importorskip("libvirt", reason="needs libvirt-python")
    (tmp_path / "node.xml").write_text(
        "<node><domain type='test'><name>vm</name><memory>65536</memory>"
        "<os><type>hvm</type></os></domain></node>"
    )
    return f"test://{tmp_path}/node.xml"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("detach", "vm"), "name the VF by one of --alias, --mac or --vf"),
        (("detach", "vm", "--alias", "ua-x", "--vf", "3b:02.1"), "name the VF by one of"),
        (("detach", "vm", "--vf", "3b"), "not a PCI address"),
        (("detach", "vm", "--mac", "x"), "not a MAC address"),
        (("attach", "vm", "pool", "--mac", "01:00:00:00:00:01"), "multicast"),
        (("attach", "vm", "pool", "--vlan", "4095"), "4094"),
        (("attach", "vm", "pool", "--as", "macvtap"), "macvtap"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: tuple[str, ...], message: str) -> None:
    done = run("pool", *arguments)
    assert done.returncode == 2
    # The terminal's box breaks lines.
    assert message in " ".join(done.stderr.decode().replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("attach", "vm", "pool"), "pool pool: no such pool"),
        (("attach", "nobody", "pool"), "domain nobody: no such domain"),
        (("attach", "vm", "pool", "--live", "--config"), "no such pool"),
        (("detach", "vm", "--alias", "ua-x"), "domain vm, alias ua-x: the domain has no such VF"),
        (("detach", "nobody", "--vf", "3b:02.1"), "domain nobody: no such domain"),
    ],
)
def test_what_is_not_there_is_said(
    libvirt: str, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "sys/bus/pci/devices").mkdir(parents=True)
    roots = ("--connect", libvirt, "--state-dir", tmp_path / "state", "--sysfs", tmp_path / "sys")
    done = run("pool", *arguments, *roots)
    assert done.returncode == 1
    error = done.stderr.decode()
    assert error.startswith(f"portside pool {arguments[0]}: ")
    assert message in error
