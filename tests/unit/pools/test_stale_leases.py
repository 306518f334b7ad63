# SPDX-License-Identifier: Apache-2.0
"""Leases that outlived their domain's VF go back; all others stay."""

from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.observe import look_at
from sidecar.pools.rules.restore import parking_mac
from sidecar.pools.stale_leases import return_stale
from tests.unit.pools.conftest import PF, PoolHost

ADDRESS = PciAddress.parse(PF)
DOMAIN = Holder(HolderKind.DOMAIN, "vm1", "7a2ab9c0")
SETTINGS = VfSettings(mac=MacAddress("52:54:00:00:00:01"), vlan=PortVlan(42))


def lease(host: PoolHost, index: int, holder: Holder, settings: VfSettings | None = None) -> None:
    now = host.node.now()
    with host.store.lock(ADDRESS) as held:
        taken = held.take(index, holder, settings or VfSettings(), "fast", now)
        held.confirm(taken, now)


def sweep(host: PoolHost, *configured: str) -> int:
    names = [PciAddress.parse(name) for name in configured]
    with host.node.libvirt() as libvirt, host.store.lock(ADDRESS) as held:
        return return_stale(host.node, held, look_at(host.node, ADDRESS, libvirt), names, "eth1")


def states(host: PoolHost) -> dict[int, LeaseState]:
    return {index: one.state for index, one in host.store.leases(ADDRESS).items()}


def test_only_what_is_proven_free_and_named_nowhere_goes_back(host: PoolHost) -> None:
    vfs = host.make(5)
    host.bind_vfio(vfs[2])
    for index in range(4):
        lease(host, index, DOMAIN)
    lease(host, 4, Holder(HolderKind.VMI, "ns/vm1"))
    host.kernel.hold(vfs[2], "qemu")
    assert sweep(host, vfs[1]) == 2
    leased, free = LeaseState.LEASED, LeaseState.FREE
    assert states(host) == {0: free, 1: leased, 2: leased, 3: free, 4: leased}
    assert host.store.leases(ADDRESS)[1].holder == DOMAIN


def test_what_was_set_for_it_goes_with_it(host: PoolHost) -> None:
    (vf,) = host.make(1)
    host.links.settings["eth1", 0] = SETTINGS
    lease(host, 0, DOMAIN, SETTINGS)
    assert sweep(host) == 1
    assert host.links.read_settings("eth1", 0) == VfSettings(
        mac=parking_mac(PciAddress.parse(vf)), vlan=PortVlan(0)
    )
