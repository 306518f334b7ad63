# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in: a domain or a reason comes out, soon, and nothing else."""

import subprocess
import sys
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.hook.define_domain import Settings, define_domain
from tests.property.bombs import REFUSED, TAKEN
from tests.property.rubbish import changed_vmis, odd_vmis
from tests.property.strategies import vmi_of
from tests.property.twist import SEEDS, VMIS, twisted
from tests.property.vms import Vm, vms
from tests.support import DATA

ROOT = DATA.parents[1]
SOON = timedelta(seconds=4)
"""Far above what any input here takes, so that a busy machine does not fail the test."""
MAX_ERROR = 4096
"""Half of the 8 KiB of metadata in which gRPC carries an error's text."""
MAX_MEMORY = 64 * 1000 * 1000
"""Bytes that the hook's container has."""

MANY = settings(
    max_examples=400,
    deadline=SOON,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SETTINGS = (
    Settings(),
    Settings(source=Planner(by_launcher=True), pool_networks=True),
)


def call(vmi: bytes, domain: bytes, chosen: Settings = SETTINGS[0]) -> bytes | None:
    """Return the domain, None for a refusal; everything else escapes."""
    try:
        outcome = define_domain(vmi, domain, chosen)
    except (RequestError, CapacityError) as error:
        refusal = error
    else:
        if not outcome.request.asks_nothing:
            assert etree.fromstring(outcome.mutation.domain).tag == "domain"
        return outcome.mutation.domain
    assert refusal.what
    assert refusal.where
    assert len(str(refusal).encode()) <= MAX_ERROR
    return None


@pytest.mark.parametrize("chosen", SETTINGS, ids=["planner", "launcher"])
@pytest.mark.parametrize("vmi", VMIS, ids=["ports", "all ports", "team", "VFs"])
def test_undamaged_ones_are_taken(vmi: bytes, chosen: Settings) -> None:
    """Else the damage below would show nothing."""
    for domain in SEEDS:
        assert call(vmi, domain, chosen) is not None


@given(st.binary(), st.sampled_from(VMIS))
@MANY
def test_any_bytes(domain: bytes, vmi: bytes) -> None:
    assert call(vmi, domain) is None


@given(st.text(), st.sampled_from(VMIS))
@MANY
def test_any_text_inside(text: str, vmi: bytes) -> None:
    call(vmi, f"<domain><devices>{text}</devices></domain>".encode("utf-8", "replace"))


@given(st.data(), st.sampled_from(SEEDS), st.sampled_from(VMIS), st.sampled_from(SETTINGS))
@MANY
def test_any_damage_to_bytes(
    data: st.DataObject, domain: bytes, vmi: bytes, chosen: Settings
) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(0, len(domain)))
        end = data.draw(st.integers(begin, min(len(domain), begin + 200)))
        domain = domain[:begin] + data.draw(st.binary(max_size=8)) + domain[end:]
    call(vmi, domain, chosen)


@given(st.data(), st.sampled_from(SEEDS), st.sampled_from(VMIS), st.sampled_from(SETTINGS))
@MANY
def test_any_twist_of_a_recorded_domain(
    data: st.DataObject, domain: bytes, vmi: bytes, chosen: Settings
) -> None:
    done = call(vmi, data.draw(twisted(domain)), chosen)
    if done is not None:
        assert call(vmi, done, chosen) == done


@given(st.data(), vms(), st.sampled_from(SETTINGS))
@MANY
def test_any_twist_of_a_generated_domain(data: st.DataObject, vm: Vm, chosen: Settings) -> None:
    call(vmi_of(vm.request), data.draw(twisted(vm.domain)), chosen)


@given(odd_vmis(ours=True) | changed_vmis(), st.sampled_from(SEEDS))
@settings(MANY, max_examples=150)
def test_any_vmi(vmi: bytes, domain: bytes) -> None:
    call(vmi, domain)


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str) -> None:
    assert [call(vmi, REFUSED[name]) for vmi in VMIS] == [None] * len(VMIS)


@pytest.mark.parametrize("name", TAKEN)
def test_is_taken(name: str) -> None:
    done = call(VMIS[0], TAKEN[name])
    assert done is not None
    assert call(VMIS[0], done) == done


def test_a_vm_that_asks_nothing_is_spared_all_that() -> None:
    for domain in (*REFUSED.values(), *TAKEN.values()):
        assert call(b"{}", domain) == domain


CHILD = """\
import sys
from pathlib import Path
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.errors import PortsideError
vmi, domain = sys.stdin.buffer.read().split(b"\\n", 1)
try:
    define_domain(vmi, domain, Settings())
except PortsideError as error:
    print(error, file=sys.stderr)
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""
LARGE = [name for name, domain in (REFUSED | TAKEN).items() if len(domain) > 100_000]


@pytest.mark.parametrize("name", LARGE)
def test_memory_stays_within_the_containers(name: str) -> None:
    """Measured in a process of its own, for a peak never comes down again."""
    done = subprocess.run(  # noqa: S603 -- our own script
        [sys.executable, "-c", CHILD],
        input=VMIS[0] + b"\n" + (REFUSED | TAKEN)[name],
        capture_output=True,
        check=True,
        timeout=60,
        cwd=ROOT,
    )
    assert int(done.stdout) * 1024 < MAX_MEMORY, done.stderr
