# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.unit.cli.commands import DOMAIN, VMI, asking_vmi, run, run_process


def topology(*arguments: str | Path, stdin: bytes = b"") -> tuple[int, str, str]:
    done = run("topology", *arguments, stdin=stdin)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_a_file_and_standard_input_are_the_same() -> None:
    code, text, complaint = topology(DOMAIN)
    assert (code, complaint) == (0, "")
    assert text.startswith("default_nic4: q35, x86_64\n14 ports: 10 taken, 4 free\n")
    assert topology("-", stdin=DOMAIN.read_bytes()) == (0, text, "")


def test_a_pipe_gets_80_columns_and_no_colour() -> None:
    text = run_process("sidecar.cli", "topology", DOMAIN).stdout.decode()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert topology(DOMAIN)[1] == text
    _, narrow, _ = topology(DOMAIN, "--width", "40")
    assert max(map(len, narrow.splitlines())) <= 40


def test_a_vmi_shows_what_portside_would_do(tmp_path: Path) -> None:
    code, text, _ = topology(DOMAIN, "--vmi", "-", stdin=asking_vmi(20))
    assert code == 0
    after = text[text.index("After Portside") :]
    assert after.splitlines()[1] == "26 ports: 10 taken, 16 free"
    assert "Change: added 12 ports; no device moved" in after
    vmi = tmp_path / "vmi.json"
    vmi.write_bytes(asking_vmi(20))
    assert topology("-", "--vmi", vmi, stdin=DOMAIN.read_bytes())[1] == text


def test_a_later_call_is_told_in_a_note() -> None:
    first = DOMAIN.with_name("pass1-to-hook.xml")
    _, text, _ = topology(first, "--vmi", "-", stdin=asking_vmi(20))
    assert "Note: the ports are left to a later call of this boot" in text
    _, data, _ = topology(first, "--vmi", "-", "-o", "json", stdin=asking_vmi(20))
    assert json.loads(data)["notes"] == ["the ports are left to a later call of this boot"]


def test_two_files_are_compared() -> None:
    before, after = (DOMAIN.with_name(name) for name in ("pass1-libvirt.xml", "final-libvirt.xml"))
    code, text, _ = topology(before, "--after", after)
    assert code == 0
    assert "Change: added 3 ports; no device moved" in text


def test_json_is_for_programs() -> None:
    data = json.loads(topology(DOMAIN, "--output", "json")[1])
    assert data["ports"] == {"family": "pcie", "total": 14, "free": 4}
    both = json.loads(topology(DOMAIN, "--vmi", "-", "-o", "json", stdin=asking_vmi(20))[1])
    assert list(both) == ["before", "after", "changes", "notes"]
    assert both["before"] == data
    assert both["changes"]["ports_added"] == list(range(15, 27))


def test_an_svg_is_written_beside_the_text(tmp_path: Path) -> None:
    file = tmp_path / "topology.svg"
    code, text, _ = topology(DOMAIN, "--svg", file)
    assert (code, text) == (0, topology(DOMAIN)[1])
    assert ET.parse(file).getroot().tag.endswith("}svg")
    code, alone, _ = topology(DOMAIN, "--svg", "-")
    assert (code, alone) == (0, file.read_text())
    _, both, _ = topology(DOMAIN, "--vmi", "-", "--svg", "-", stdin=asking_vmi(20))
    assert "After Portside: 26 ports: 10 taken, 16 free" in both


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (["-"], b"<domain><devices>", "domain XML: not well-formed"),
        ([str(DOMAIN), "--after", "-"], b"<vm/>", "domain XML: wrong root element"),
        ([str(DOMAIN), "--vmi", "-"], asking_vmi(99), "portside.io/interfaces"),
    ],
)
def test_what_is_refused_is_told_in_one_line(
    arguments: list[str], stdin: bytes, complaint: str
) -> None:
    code, out, text = topology(*arguments, stdin=stdin)
    assert (code, out) == (1, "")
    assert text.startswith("portside topology: ")
    assert complaint in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["absent.xml"], "absent.xml"),
        ([], "FILE"),
        ([str(DOMAIN), "--vmi", str(VMI), "--after", str(DOMAIN)], "exclude each other"),
        (["-", "--vmi", "-"], "only one file"),
        ([str(DOMAIN), "--svg", "/proc/nowhere/x.svg"], "--svg"),
        ([str(DOMAIN), "--width", "3"], "--width"),
        ([str(DOMAIN), "-o", "yaml"], "yaml"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(arguments: list[str], complaint: str) -> None:
    code, out, text = topology(*arguments)
    assert (code, out) == (2, "")
    assert complaint in text
