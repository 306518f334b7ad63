# SPDX-License-Identifier: Apache-2.0
"""``portside ports`` on a domain of a real libvirt: nothing moves, and what is free plugs."""

import re
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from sidecar.cli.app import app
from sidecar.demo.plug import NIC
from sidecar.virt.configuration import read_configuration
from sidecar.virt.connection import Libvirt
from tests.qemu.test_ports import NO_PORT, addresses

DOMAIN = """\
<domain type='qemu'><name>plain</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
<sound model='ich9'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
<graphics type='vnc' autoport='yes' listen='127.0.0.1' passwd='hunter2'/></devices></domain>"""


@pytest.fixture
def domain(libvirt: Libvirt) -> Iterator[str]:
    """The name of a defined domain."""
    handle = libvirt.connection.defineXML(DOMAIN)
    yield "plain"
    if handle.isActive():
        handle.destroy()
    handle.undefine()


def run(libvirt: Libvirt, *arguments: str) -> tuple[int, str, str]:
    """Run the command in this process, where the embedded driver lives."""
    uri = str(libvirt.connection.getURI())
    done = CliRunner().invoke(app, ["ports", *arguments, "-c", uri])
    return done.exit_code, done.stdout, done.stderr


def free(said: str) -> int:
    match = re.search(r"(\d+) free(; |$)", said.strip())
    assert match
    return int(match[1])


def test_ports_are_free_from_the_next_start_and_plug(libvirt: Libvirt, domain: str) -> None:
    before = read_configuration(libvirt, domain)
    code, diff, said = run(libvirt, domain, "--free", "9", "--dry-run")
    assert (code, read_configuration(libvirt, domain)) == (0, before)
    added = [line for line in diff.splitlines()[2:] if line.startswith(("+", "-"))]
    assert any("pcie-root-port" in line for line in added)
    assert all(line.startswith("+") for line in added)
    assert "nothing changed (--dry-run)" in said

    code, diff, said = run(libvirt, domain, "--free", "9")
    assert (code, diff, free(said)) == (0, "", 9)
    after = read_configuration(libvirt, domain)
    assert addresses(after.xml) == addresses(before.xml)
    assert b"passwd='hunter2'" in after.secret_xml
    assert b"hunter2" not in after.xml
    code, _, said = run(libvirt, domain, "--free", "9")
    assert (code, said.endswith("; nothing to do\n")) == (0, True)

    handle = libvirt.connection.lookupByName(domain)
    handle.createWithFlags(libvirt.binding.VIR_DOMAIN_START_PAUSED)
    for _ in range(9):
        handle.attachDevice(NIC.decode())
    with pytest.raises(libvirt.binding.libvirtError, match=NO_PORT):
        handle.attachDevice(NIC.decode())
    assert run(libvirt, domain, "--free", "12")[2].endswith("; from its next start\n")


def test_one_that_is_not_there_is_named(libvirt: Libvirt, domain: str) -> None:
    code, out, said = run(libvirt, f"{domain}-2", "--free", "1")
    assert (code, out) == (1, "")
    assert "no such domain" in said
