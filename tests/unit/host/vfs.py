# SPDX-License-Identifier: Apache-2.0
"""VFs of the fake kernel's first PF, made and given drivers as another tool does."""

from sidecar.model.pci import PciAddress
from tests.fakes.kernel import FakeKernel
from tests.unit.host.conftest import FIRST

PF = PciAddress.parse(FIRST)


def vfs(kernel: FakeKernel, pf: str = FIRST) -> tuple[PciAddress, ...]:
    return tuple(map(PciAddress.parse, kernel.vfs(pf)))


def make(kernel: FakeKernel, count: int, driver: str = "") -> tuple[PciAddress, ...]:
    """Make VFs as another tool does, and give them a driver."""
    assert kernel.write(f"{FIRST},sriov_numvfs", str(count)) == 0
    for vf in kernel.vfs(FIRST) if driver else ():
        give(kernel, vf, driver)
    return vfs(kernel)


def give(kernel: FakeKernel, address: str, driver: str) -> None:
    assert kernel.write(f"{kernel.driver(address)},unbind", address) == 0
    if driver:
        assert kernel.write(f"{address},driver_override", driver) == 0
        assert kernel.write(f"{driver},bind", address) == 0
