# SPDX-License-Identifier: Apache-2.0
"""The planner's picture of a domain is libvirt's, for thousands of generated domains."""

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from sidecar.domainxml.addressing.inventory import Device, take_inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports, lay_out
from sidecar.errors import PortsideError
from tests.oracle.compare import concerns_addresses
from tests.oracle.oracle import Oracle, OracleError
from tests.property.controllers import without_some_addresses
from tests.property.domains import domains

# The oracle is one process for all examples; a slow example is libvirt's time, not ours.
MANY = settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# 9.0 puts controllers that it adds behind all others, 11.3 sorts them in.
SORTS_CONTROLLERS = (10, 0, 0)
pytestmark = pytest.mark.slow


def summary(layout: Layout) -> tuple[Sequence[object], Sequence[object]]:
    """Everything that has an address, sorted: devices by kind, controllers by index."""
    devices = sorted(
        (owner.kind, owner.index if owner.kind.startswith("controller") else 0, place)
        for owner, place in layout.places.items()
        if isinstance(owner, Device)
    )
    controllers = sorted(
        (owner.index, owner.model, place)
        for owner, place in layout.places.items()
        if not isinstance(owner, Device)
    )
    return devices, controllers


def layout_of(xml: str) -> Layout:
    return lay_out(take_inventory(etree.fromstring(xml.encode())))


def check(oracle: Oracle, xml: str, seen: Counter[str]) -> str | None:
    """Compare one domain; return libvirt's XML unless libvirt refuses it."""
    try:
        real = oracle.define(xml)
    except OracleError as error:
        seen["refused"] += 1
        if concerns_addresses(str(error)):
            with pytest.raises(PortsideError):
                layout_of(xml)
        return None
    seen["defined"] += 1
    planned, given_back = layout_of(xml), layout_of(real)
    assert summary(planned) == summary(given_back), f"{oracle}\n{xml}\n{real}"
    assert count_ports(planned) == count_ports(given_back)
    return real


def compare_many(oracle: Oracle, machine: str) -> Counter[str]:
    seen: Counter[str] = Counter()

    @MANY
    @given(domains((machine,), plain=oracle.libvirt < SORTS_CONTROLLERS))
    def run(xml: str) -> None:
        check(oracle, xml, seen)

    run()
    return seen


def compare_many_half_placed(oracle: Oracle, machine: str) -> Counter[str]:
    seen: Counter[str] = Counter()

    @MANY
    @given(
        domains((machine,), plain=oracle.libvirt < SORTS_CONTROLLERS),
        st.randoms(use_true_random=False),
        st.booleans(),
    )
    def run(xml: str, random: Random, nics_only: bool) -> None:
        try:
            real = oracle.define(xml)
        except OracleError:
            return
        check(oracle, without_some_addresses(real, random, nics_only=nics_only), seen)

    run()
    return seen


@pytest.mark.parametrize("machine", ["q35", "pc", "virt", "pseries"])
def test_planned_as_libvirt_does(oracles: tuple[Oracle, ...], machine: str) -> None:
    for oracle in oracles:
        seen = compare_many(oracle, machine)
        assert seen["defined"] > 0.8 * seen.total(), dict(seen)


@pytest.mark.parametrize("machine", ["q35", "virt"])
def test_unplaced_devices_beside_placed_ones(oracles: tuple[Oracle, ...], machine: str) -> None:
    """As in a second call: some devices have their addresses, others not."""
    for oracle in oracles:
        seen = compare_many_half_placed(oracle, machine)
        assert seen["defined"] > 0.8 * seen.total(), dict(seen)


@pytest.mark.parametrize("refused", ["<controller type='pci' index='3' model='nonsense'/>"])
def test_what_libvirt_refuses_is_refused(oracles: tuple[Oracle, ...], refused: str) -> None:
    xml = (
        "<domain type='qemu'><name>draft</name><memory>65536</memory><os>"
        f"<type arch='x86_64' machine='q35'>hvm</type></os><devices>{refused}</devices></domain>"
    )
    for oracle in oracles:
        with pytest.raises(OracleError):
            oracle.define(xml)
    with pytest.raises(PortsideError):
        layout_of(xml)
