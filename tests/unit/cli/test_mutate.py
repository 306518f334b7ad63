# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from tests.unit.cli.commands import DOMAIN, VMI, asking_vmi, run


def mutate(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, bytes, str]:
    done = run("mutate", *arguments, stdin=stdin)
    return done.returncode, done.stdout, done.stderr.decode()


def test_a_vmi_that_asks_nothing_gets_the_very_bytes() -> None:
    assert mutate("--vmi", VMI, "--domain", DOMAIN) == (0, DOMAIN.read_bytes(), "")


def test_files_and_standard_input_are_the_same(tmp_path: Path) -> None:
    vmi = tmp_path / "vmi.json"
    vmi.write_bytes(asking_vmi(20))
    code, from_files, remarks = mutate("--vmi", vmi, "--domain", DOMAIN)
    assert code == 0
    assert from_files.count(b"pcie-root-port") > DOMAIN.read_bytes().count(b"pcie-root-port")
    assert "free after" in remarks
    by_domain = mutate("--vmi", vmi, "--domain", "-", stdin=DOMAIN.read_bytes())
    by_vmi = mutate("--vmi", "-", "--domain", DOMAIN, stdin=asking_vmi(20))
    assert by_domain[1] == by_vmi[1] == from_files


def test_the_diff_is_a_patch_from_one_to_the_other(tmp_path: Path) -> None:
    vmi = tmp_path / "vmi.json"
    vmi.write_bytes(asking_vmi(20))
    code, diff, _ = mutate("--vmi", vmi, "--domain", DOMAIN, "--diff")
    assert code == 0
    assert diff.startswith(b"--- " + str(DOMAIN).encode() + b"\n+++ ")
    added = [line for line in diff.splitlines() if line.startswith(b"+") and b"root-port" in line]
    assert len(added) > 10
    assert mutate("--vmi", VMI, "--domain", DOMAIN, "--diff")[1] == b""


def test_a_refused_vmi_is_told_in_one_line() -> None:
    code, out, complaint = mutate("--vmi", "-", "--domain", DOMAIN, stdin=asking_vmi(99))
    assert (code, out) == (1, b"")
    assert complaint.startswith("portside mutate: ")
    assert "portside.io/interfaces" in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--vmi", "-", "--domain", "-"], "only one of --vmi and --domain"),
        (["--vmi", "absent.json", "--domain", "-"], "absent.json"),
        (["--vmi", str(VMI)], "--domain"),
        (["--vmi", str(VMI), "--domain", str(DOMAIN), "--source", "oracle"], "oracle"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], complaint: str) -> None:
    code, out, text = mutate(*arguments)
    assert (code, out) == (2, b"")
    assert complaint in text
