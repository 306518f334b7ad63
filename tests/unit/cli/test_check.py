# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from tests.unit.cli.commands import DOMAIN, ROOT, VMI, asking_vmi, run

GOOD = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
      annotations:
        portside.io/interfaces: "8"
        portside.io/max-ports: "40"
    spec: {domain: {devices: {}}, terminationGracePeriodSeconds: 0}
"""
MISPLACED = GOOD.replace("namespace: shop", 'annotations: {portside.io/interfaces: "8"}')


def check(*arguments: str | Path, stdin: str = "") -> tuple[int, str, str]:
    done = run("check", *arguments, stdin=stdin.encode())
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_what_is_right_is_told_with_what_it_asks(tmp_path: Path) -> None:
    file = tmp_path / "vm.yaml"
    file.write_text(GOOD)
    code, out, complaint = check(file)
    assert (code, complaint) == (0, "")
    assert out.splitlines() == [
        f"ok       {file}: VirtualMachine shop/web: interfaces, max_ports",
        "1 VM checked, 0 refused; 1 object of other kinds skipped",
    ]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"8"', '"40"', "annotation portside.io/interfaces: out of range"),
        ('"8"', "8", "portside.io/interfaces"),
        ("io/interfaces", "io/interface", "unknown annotation"),
        ("namespace: shop", 'annotations: {portside.io/disks: "1"}', "portside.io/disks has no"),
        ("spec: {domain", "spec: {dom: {}} #", "VirtualMachine"),
    ],
)
def test_what_would_be_refused_is_told_and_ends_with_1(old: str, new: str, told: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new)
    code, out, complaint = check("-", stdin=text)
    if told == "VirtualMachine":
        assert (code, complaint) == (0, "")
        return
    assert (code, complaint) == (1, "")
    assert told in out
    assert out.startswith("refused  -: VirtualMachine ")
    assert "1 VM checked, 1 refused" in out


def test_files_after_a_broken_one_are_checked_all_the_same(tmp_path: Path) -> None:
    broken, good = tmp_path / "broken.yaml", tmp_path / "good.yaml"
    broken.write_text("kind: [")
    good.write_text(GOOD)
    code, out, _ = check(broken, good)
    assert code == 1
    assert "broken.yaml: neither YAML nor JSON; found expected" in out
    assert "in line 1" in out
    assert f"ok       {good}: " in out
    assert "1 file not fully read" in out


def test_programs_get_the_same_as_json() -> None:
    code, out, _ = check("-", "-o", "json", stdin=MISPLACED)
    assert code == 1
    told = json.loads(out)
    (item,) = told["items"]
    assert (item["kind"], item["name"]) == ("VirtualMachine", "web")
    assert item["asks"]["interfaces"] == {"total": 8, "defined": 0}
    (problem,) = item["problems"]
    assert "has no effect on the VirtualMachine itself" in problem
    assert told["passedOver"] == 1
    assert told["unreadable"] == []


def test_the_manifests_that_we_ship_pass() -> None:
    examples = sorted((ROOT / "manifests/examples").glob("*.yaml"))
    assert len(examples) > 4
    code, out, _ = check(*examples)
    assert code == 0, out
    assert not out.splitlines()[-1].startswith("0 VMs")


def test_mutate_takes_a_virtual_machine_in_yaml(tmp_path: Path) -> None:
    vmi = json.loads(asking_vmi(20))
    template = {"metadata": {"annotations": vmi["metadata"]["annotations"]}, "spec": vmi["spec"]}
    machine = {"kind": "VirtualMachine", "metadata": {"name": "x"}, "spec": {"template": template}}
    file = tmp_path / "vm.json"
    file.write_text(json.dumps({"kind": "List", "items": [machine]}))
    from_vmi = run("mutate", "--vmi", "-", "--domain", DOMAIN, stdin=asking_vmi(20))
    from_vm = run("mutate", "--vmi", file, "--domain", DOMAIN)
    assert (from_vm.returncode, from_vm.stderr) == (0, from_vmi.stderr)
    assert from_vm.stdout == from_vmi.stdout != DOMAIN.read_bytes()


def test_mutate_names_a_kind_that_runs_no_vm() -> None:
    done = run("mutate", "--vmi", "-", "--domain", DOMAIN, stdin=b"kind: Pod\n")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b'--vmi -: not exactly one VM; found "Pod"' in done.stderr
    done = run("mutate", "--vmi", VMI, "--domain", DOMAIN)
    assert (done.returncode, done.stdout) == (0, DOMAIN.read_bytes())
