# SPDX-License-Identifier: Apache-2.0
"""What a PF keeps for a VF, set by hand: of a free VF, or of one in use by force."""

from collections.abc import Callable

import pytest

from sidecar.errors import CapacityError, HostError, PortsideError, RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.set_vf import set_vf
from tests.unit.pools.conftest import PF, PoolHost
from tests.unit.pools.leasing import lease

MAC = MacAddress("52:54:00:00:00:01")
VLAN = VfSettings(vlan=PortVlan(5))


def address(host: PoolHost, index: int) -> PciAddress:
    return PciAddress.parse(host.vfs()[index])


def test_before_and_after_are_told(host: PoolHost) -> None:
    host.make(2)
    changed = set_vf(host.node, address(host, 1), VfSettings(MAC, PortVlan(5), trust=True))
    assert (changed.pf_name, changed.users, changed.before) == ("eth1", (), VfSettings())
    assert (
        changed.after == host.links.settings["eth1", 1] == VfSettings(MAC, PortVlan(5), trust=True)
    )


def test_a_vf_in_use_is_left_alone_unless_forced(host: PoolHost) -> None:
    host.make(1)
    host.kernel.set_up(host.vfs()[0])
    for act in (VLAN, VfSettings(MAC)):
        with pytest.raises(CapacityError, match="the VF is in use; not changing its settings"):
            set_vf(host.node, address(host, 0), act)
    with pytest.raises(RequestError, match="the MAC address of a VF in use cannot be changed"):
        set_vf(host.node, address(host, 0), VfSettings(MAC), force=True)
    assert set_vf(host.node, address(host, 0), VLAN, force=True).users


def test_a_leased_vf_is_in_use(host: PoolHost) -> None:
    host.make(1)
    lease(host)
    with pytest.raises(CapacityError, match="the VF is leased"):
        set_vf(host.node, address(host, 0), VLAN)
    assert set_vf(host.node, address(host, 0), VLAN, force=True).users == ("domain vm1",)


def test_an_address_that_another_vf_has_is_set_by_force_only(host: PoolHost) -> None:
    host.make(2)
    set_vf(host.node, address(host, 0), VfSettings(MAC))
    set_vf(host.node, address(host, 0), VfSettings(MAC))
    with pytest.raises(CapacityError, match=rf"found {MAC} on VF 0 \(0000:01:10\.0\)"):
        set_vf(host.node, address(host, 1), VfSettings(MAC))
    set_vf(host.node, address(host, 1), VfSettings(MAC), force=True)


@pytest.mark.parametrize(
    ("which", "settings", "kind", "says"),
    [
        (lambda host: address(host, 0), VfSettings(), RequestError, "nothing to set"),
        (lambda _: PciAddress.parse(PF), VLAN, RequestError, "no VF at this address; found a PF"),
        (lambda _: PciAddress(9, 9, 0, 0), VLAN, CapacityError, "no VF at this address"),
    ],
)
def test_what_makes_no_sense_is_refused(
    host: PoolHost,
    which: Callable[[PoolHost], PciAddress],
    settings: VfSettings,
    kind: type[PortsideError],
    says: str,
) -> None:
    host.make(1)
    with pytest.raises(kind, match=says):
        set_vf(host.node, which(host), settings)
    assert host.links.calls == 0


def test_a_pf_whose_interface_is_elsewhere_sets_nothing(host: PoolHost) -> None:
    host.make(1)
    host.kernel.move(PF, "other")
    with pytest.raises(HostError, match="the PF has no network interface here"):
        set_vf(host.node, address(host, 0), VLAN)
