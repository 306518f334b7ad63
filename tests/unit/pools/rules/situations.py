# SPDX-License-Identifier: Apache-2.0
"""Pools and PFs as values, for tests of what is decided about them."""

from collections.abc import Sequence
from dataclasses import replace

from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PfView, PoolDefinition, PoolRecord
from sidecar.model.vf import (
    Evidence,
    NetInterface,
    PciId,
    PhysicalFunction,
    Source,
    Usage,
    Verdict,
    VirtualFunction,
)
from sidecar.pools.rules.situation import Situation

PF = PciAddress.parse("0000:01:00.0")
BOOT = "b00f"

KERNEL_FREE = Evidence(Verdict.FREE, "enable 0")
LIBVIRT_FREE = Evidence(Verdict.FREE, "no running domain has it", source=Source.LIBVIRT)
NO_LEASE = Evidence(Verdict.FREE, "no lease", source=Source.LEASES)
FREE = Usage((KERNEL_FREE, LIBVIRT_FREE, NO_LEASE))
HELD = Usage(
    (
        Evidence(Verdict.IN_USE, "process qemu 7 has /dev/vfio/4 open", "qemu 7", Source.PROCESSES),
        LIBVIRT_FREE,
    )
)


def interface(name: str = "eth1", *, up: bool = True) -> NetInterface:
    return NetInterface(name, up=up, operstate="up", master=None, uppers=())


def vf(index: int) -> VirtualFunction:
    address = PciAddress(0, 1, 0x10 + index // 8, index % 8)
    identity = PciId.parse("8086:10ca")
    return VirtualFunction(address, identity, "vfio-pci", (), 10 + index, None, PF, index, 0)


def situation(
    usages: Sequence[Usage] = (),
    *,
    minimum: int | None = 4,
    active: bool = False,
    up: bool = True,
    record: PfRecord | None = None,
    **changes: object,
) -> Situation:
    """Return a pool whose PF has a VF for each usage; ``changes`` are the PF's."""
    vfs = tuple(vf(index) for index in range(len(usages)))
    identity = PciId.parse("8086:10c9")
    pf = PhysicalFunction(PF, identity, "igb", (interface(up=up),), 3, None, 7, vfs)
    view = PfView(
        pf=replace(pf, **changes),  # type: ignore[arg-type] # by name, as the test has it
        usages={one.address: usage for one, usage in zip(vfs, usages, strict=True)},
        record=record or PfRecord(PF),
        boot=BOOT,
        up=up,
    )
    definition = PoolDefinition("pool", "eth1", minimum)
    return Situation(PoolRecord(definition, PF), view, active)
