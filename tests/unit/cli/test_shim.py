# SPDX-License-Identifier: Apache-2.0
"""``onDefineDomain``, as KubeVirt's sidecar-shim runs it."""

import subprocess

from tests.unit.cli.commands import DOMAIN, VMI, asking_vmi, run, run_process


def on_define_domain(vmi: bytes, domain: bytes) -> subprocess.CompletedProcess[bytes]:
    return run_process("sidecar.cli.shim", "--vmi", vmi.decode(), "--domain", domain.decode())


def test_standard_output_is_the_domain_and_nothing_else() -> None:
    done = on_define_domain(VMI.read_bytes(), DOMAIN.read_bytes())
    assert (done.returncode, done.stdout, done.stderr) == (0, DOMAIN.read_bytes(), b"")


def test_it_answers_what_mutate_answers() -> None:
    vmi = asking_vmi(20)
    mutated = run("mutate", "--vmi", "-", "--domain", DOMAIN, stdin=vmi)
    assert mutated.stdout != DOMAIN.read_bytes()
    assert on_define_domain(vmi, DOMAIN.read_bytes()).stdout == mutated.stdout


def test_bytes_that_are_not_ascii_come_through() -> None:
    domain = DOMAIN.read_bytes().replace(
        b"<name>", "<description>Größe 尺寸</description><name>".encode()
    )
    assert on_define_domain(VMI.read_bytes(), domain).stdout == domain


def test_a_refused_vmi_fails_the_call_with_a_reason() -> None:
    done = on_define_domain(asking_vmi(99), DOMAIN.read_bytes())
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"portside.io/interfaces" in done.stderr


def test_an_empty_domain_fails_the_call_with_a_reason() -> None:
    done = on_define_domain(VMI.read_bytes(), b"")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"no domain XML" in done.stderr


def test_a_missing_argument_is_a_usage_error() -> None:
    assert run_process("sidecar.cli.shim", "--vmi", "{}").returncode == 2
