# SPDX-License-Identifier: Apache-2.0
"""Files; domains of a real libvirt are in tests/qemu."""

from pathlib import Path

import pytest

from sidecar.domainxml.topology import read_topology
from tests.unit.cli.commands import DOMAIN, run


def ports(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, bytes, str]:
    done = run("ports", *arguments, stdin=stdin)
    return done.returncode, done.stdout, done.stderr.decode()


def test_a_file_is_printed_with_as_many_free_ports_as_asked() -> None:
    code, out, said = ports(DOMAIN, "--free", "12")
    assert code == 0
    assert said.endswith("12 free\n")
    assert " -> " in said
    assert read_topology(out).ports.free == 12
    assert ports("-", "--free", "12", stdin=DOMAIN.read_bytes()) == (0, out, said)
    again = ports("-", "--free", "12", stdin=out)
    assert again[:2] == (0, out)
    assert " -> " not in again[2]


def test_a_dry_run_prints_the_diff() -> None:
    code, out, _ = ports(DOMAIN, "--free", "12", "--dry-run")
    assert code == 0
    assert out.startswith(b"--- ")
    changed = [line for line in out.splitlines()[2:] if line.startswith((b"+", b"-"))]
    assert len(changed) >= 8
    assert all(line.startswith(b"+") and b"pcie-root-port" in line for line in changed)
    assert ports(DOMAIN, "--free", "12", "--diff")[1] == out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["absent.xml", "--free", "1"], 2, "absent.xml"),
        (["-", "--free", "0"], 2, "--free"),
        (["-", "--free", "1"], 1, "portside ports: "),
        (["web", "--free", "1", "-c", "test:///no/such/file"], 1, "cannot open libvirt"),
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str], code: int, told: str) -> None:
    got, out, complaint = ports(*arguments, stdin=b"no xml")
    assert (got, out) == (code, b"")
    assert told in complaint
    assert "Traceback" not in complaint
