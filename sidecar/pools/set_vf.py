# SPDX-License-Identifier: Apache-2.0
"""Set through the PF what its VF is to have, for devices whose settings nobody else makes.

libvirt is not asked: a running guest shows in the kernel's own signals, and on a host whose
VMs run in containers there is no libvirt to answer.
"""

from dataclasses import dataclass

from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.host.inventory import read_inventory
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, Usage, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.rules.guard import weigh_lease


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
        CapacityError: the VF is in use, or may be.
        HostError: no such VF, its PF has no interface here, or the driver refuses.
    """
    if settings.asks_nothing:
        raise RequestError("nothing to set", where=f"VF {address}", todo="Name a setting")
    pf, _ = _find(read_inventory(node.sysfs, node.proc), address)
    with node.store.lock(pf.address) as held:
        # Under the lock nobody else of ours can take the VF between this look and the change.
        inventory = read_inventory(node.sysfs, node.proc)
        pf, vf = _find(inventory, address)
        lease = weigh_lease(held.leases().get(vf.index))
        usage = Usage((*inventory.usages[address].evidence, lease))
        _check_use(vf, usage, settings, force=force)
        where, name = _describe(vf), pf_interface(pf)
        before = node.links.read_settings(name, vf.index)
        after = node.links.apply_settings(name, vf.index, settings, where=where)
    return Changed(vf, name, before, after, usage.users if not usage.free else ())


def pf_interface(pf: PhysicalFunction) -> str:
    """Return the name of the PF's interface, through which its VFs are set.

    Raises:
        HostError: it has none in this network namespace.
    """
    if pf.interfaces is UNKNOWN or not pf.interfaces:
        raise HostError(
            "the PF has no network interface here, so nothing can be set for its VFs",
            where=f"PF {pf.address}",
            found=f"driver {pf.driver}" if isinstance(pf.driver, str) else "no driver",
            todo="Bind the PF to its network driver; look for its interface in other network "
            "namespaces",
        )
    return pf.interfaces[0].name


def _find(inventory: Inventory, address: PciAddress) -> tuple[PhysicalFunction, VirtualFunction]:
    vf = inventory.find(address)
    pf = inventory.find(vf.physfn) if isinstance(vf, VirtualFunction) else None
    if isinstance(vf, VirtualFunction) and isinstance(pf, PhysicalFunction):
        return pf, vf
    raise HostError(
        "no VF at this address",
        where=str(address),
        found="nothing with SR-IOV" if vf is None else "a PF",
        todo="portside vf list shows them all",
    )


def _check_use(vf: VirtualFunction, usage: Usage, settings: VfSettings, *, force: bool) -> None:
    if usage.free:
        return
    doubts = "; ".join(one.text for one in usage.evidence if one.verdict is usage.verdict)
    if not force:
        raise CapacityError(
            "the VF is in use, so that nothing of it is changed"
            if usage.users
            else "the VF may be in use, so that nothing of it is changed",
            where=_describe(vf),
            found=f"{', '.join(usage.users)}: {doubts}" if usage.users else doubts,
            todo="Stop its user first; --force changes all but the MAC address under it",
        )
    if settings.mac is not None:
        raise RequestError(
            "the MAC address of a VF in use stays, also with --force: its user has it",
            where=_describe(vf),
            found=", ".join(usage.users) or doubts,
            todo="Stop its user first, or leave --mac out",
        )


def _describe(vf: VirtualFunction) -> str:
    return f"VF {vf.index} ({vf.address}) of PF {vf.physfn}"
