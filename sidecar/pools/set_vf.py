# SPDX-License-Identifier: Apache-2.0
"""Set through the PF what its VF is to have, for devices whose settings nobody else makes.

libvirt is not asked: a running guest shows in the kernel's own signals, and on a host whose
VMs run in containers there is no libvirt to answer.
"""

from dataclasses import dataclass
from typing import Final

from sidecar.errors import RequestError
from sidecar.host.inventory import read_inventory
from sidecar.model.missing import find_vf, no_pf, pf_interface
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import Inventory, PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.lease_life import LeaseLife
from sidecar.pools.observe import observe
from sidecar.pools.rules.availability import Guests
from sidecar.pools.rules.settable import check_settable

_NOT_ASKED: Final = Guests(absent="libvirt is not queried: the kernel shows what its guests have")


@dataclass(frozen=True, slots=True)
class Changed:
    """A VF's settings before and after; ``users`` are those under whom they were changed."""

    vf: VirtualFunction
    pf_name: str
    before: VfSettings
    after: VfSettings
    users: tuple[str, ...]


def set_vf(
    node: Node, address: PciAddress, settings: VfSettings, *, force: bool = False
) -> Changed:
    """Set what is not ``None``.

    Args:
        node: the host.
        address: the VF's.
        settings: what to set.
        force: also if the VF is in use, or may be; its MAC address never is, for whoever uses
            it has that.

    Raises:
        RequestError: nothing to set, or the MAC address of a VF in use.
        CapacityError: there is no such VF, or it is in use, or may be; or, without ``force``,
            another function of its PF has the MAC address.
        BusyError: another command works on the PF.
        HostError: its PF has no interface here, or the driver refuses.
    """
    if settings.asks_nothing:
        raise RequestError(
            "nothing to set", where=f"VF {address}", todo="Give at least one setting"
        )
    pf, _ = _find(read_inventory(node.sysfs, node.proc), address)
    with node.store.lock(pf.address) as held:
        # Under the lock nobody else of ours can take the VF between this look and the change.
        inventory = read_inventory(node.sysfs, node.proc)
        pf, vf = _find(inventory, address)
        assessment = observe(node, pf, inventory, _NOT_ASKED).assess(vf)
        check_settable(_describe(vf), assessment, settings, force=force)
        where, name = _describe(vf), pf_interface(pf)
        if not force:
            LeaseLife(node, held, pf).check_mac(vf, settings.mac, where=where)
        before = node.links.read_settings(name, vf.index)
        after = node.links.apply_settings(name, vf.index, settings, where=where)
    return Changed(vf, name, before, after, () if assessment.free else assessment.users)


def _find(inventory: Inventory, address: PciAddress) -> tuple[PhysicalFunction, VirtualFunction]:
    vf = find_vf(inventory, address)
    pf = inventory.find(vf.physfn)
    if not isinstance(pf, PhysicalFunction):
        raise no_pf(vf.physfn)
    return pf, vf


def _describe(vf: VirtualFunction) -> str:
    return f"VF {vf.index} ({vf.address}) of PF {vf.physfn}"
