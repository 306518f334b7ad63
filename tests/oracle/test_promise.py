# SPDX-License-Identifier: Apache-2.0
"""The promise of a reservation, read off what real libvirts make of the result."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.domainxml.mutate import mutate
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, DeviceTotal, Request, VfEntry
from tests.oracle.oracle import Oracle, OracleError
from tests.oracle.readback import ReadBack, read_back
from tests.oracle.test_layout import SORTS_CONTROLLERS
from tests.property.domains import domains

MANY = settings(
    max_examples=700,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PLACEHOLDER = (
    "<interface type='ethernet'><target dev='placeholder-{0}' managed='no'/>"
    "<model type='virtio-non-transitional'/></interface>"
)
pytestmark = pytest.mark.slow


def asks(free: int, *vfs: VfEntry) -> Request:
    return Request(interfaces=DeviceTotal(free, 0, "test") if free else None, vfs=vfs)


def vf(number: int, attach_as: AttachAs) -> VfEntry:
    return VfEntry(f"x{number}", attach_as, "test", address=PciAddress(0, 0xF5, 0, number))


VFS = st.lists(st.sampled_from((AttachAs.HOSTDEV, AttachAs.INTERFACE)), max_size=2).map(
    lambda kinds: tuple(vf(number, kind) for number, kind in enumerate(kinds))
)


def result_of(oracle: Oracle, xml: str, request: Request) -> tuple[str, ReadBack] | None:
    """Mutate and define; None where the domain itself is refused."""
    try:
        result = mutate(xml.encode(), request, Planner(), pool_networks=True).domain
    except (CapacityError, RequestError):
        with pytest.raises(OracleError):
            oracle.define(with_placeholders(xml, request.free_ports + len(request.vfs)))
        return None
    again = mutate(result, request, Planner(), pool_networks=True).domain
    assert again == result, "not idempotent"
    try:
        return result.decode(), read_back(oracle.define(result.decode()))
    except OracleError:
        with pytest.raises(OracleError):
            oracle.define(xml)
        return None


def with_placeholders(xml: str, count: int) -> str:
    """Do as the seed does: put placeholders into the domain and let libvirt make ports."""
    more = "".join(PLACEHOLDER.format(number) for number in range(count))
    return xml.replace("</devices>", more + "</devices>")


def run_promise(oracle: Oracle, machine: str) -> Counter[str]:
    seen: Counter[str] = Counter()

    @MANY
    @given(domains((machine,), plain=oracle.libvirt < SORTS_CONTROLLERS), st.integers(0, 32), VFS)
    def run(xml: str, free: int, vfs: tuple[VfEntry, ...]) -> None:
        done = result_of(oracle, xml, asks(free, *vfs))
        if done is None:
            seen["refused"] += 1
            return
        seen["kept"] += 1
        text, with_us = done
        without = read_back(oracle.define(xml))
        assert "placeholder" not in text
        moved = {
            key: place
            for key, place in without.devices.items()
            if with_us.devices.get(key) != place
        }
        assert not moved, f"{oracle}: {moved}\n{xml}\n{text}"
        if machine in {"q35", "virt"}:
            assert with_us.free >= free
            # libvirt would put placeholders on ports with hotplug='off' too: of no use to us.
            useless = without.unpluggable
            needed = read_back(oracle.define(with_placeholders(xml, free + len(vfs) + useless)))
            # Beside a device on virtio-mmio libvirt puts its NICs there too, on no port at all.
            occupied = len(without.ports) - without.free
            least = occupied + free + len(vfs) if "virtio-mmio" in xml else 0
            assert len(with_us.ports) <= max(len(needed.ports), len(without.ports), least) + 1
        else:
            assert with_us.free_slots >= free

    run()
    return seen


@pytest.mark.parametrize("machine", ["q35", "virt", "pc"])
def test_enough_ports_and_nobody_moves(oracles: tuple[Oracle, ...], machine: str) -> None:
    for oracle in oracles:
        seen = run_promise(oracle, machine)
        assert seen["kept"] > 0.8 * seen.total(), dict(seen)


@pytest.mark.parametrize("machine", ["q35", "virt"])
def test_32_on_top_of_20_devices(oracles: tuple[Oracle, ...], machine: str) -> None:
    arch = "x86_64" if machine == "q35" else "aarch64"
    nics = "".join(
        f"<interface type='ethernet'><mac address='52:54:00:00:00:{number:02x}'/>"
        "<model type='virtio-non-transitional'/></interface>"
        for number in range(20)
    )
    xml = (
        "<domain type='qemu'><name>many</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
        f"<os><type arch='{arch}' machine='{machine}'>hvm</type></os>"
        f"<devices>{nics}</devices></domain>"
    )
    for oracle in oracles:
        done = result_of(oracle, xml, asks(32))
        assert done is not None
        assert done[1].free == 32
