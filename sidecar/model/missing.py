# SPDX-License-Identifier: Apache-2.0
"""What is not there: for each kind of object one error, with one remedy, whoever asks for it."""

from collections.abc import Iterable

from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory, PhysicalFunction, VirtualFunction

_LIST_VFS = (
    "portside vf list shows the existing ones; after a reboot, VFs are gone until their pool is "
    "started"
)


def no_pool(name: str, known: Iterable[str] = ()) -> HostError:
    """Return the error for a pool that there is not on this host.

    Args:
        name: of the pool.
        known: the networks that there are, for whoever has listed them.
    """
    return HostError(
        "no such pool",
        where=f"pool {name}",
        found=", ".join(known),
        todo="portside pool list shows the existing pools; portside pool define creates one",
    )


def no_pf(address: PciAddress, where: str = "") -> HostError:
    """Return the error for a PF that is not, or not any more, on this host.

    Args:
        address: of the PF.
        where: what names it, empty for the PF itself.
    """
    return HostError(
        "the PF does not exist",
        where=where or f"PF {address}",
        found=f"no device with SR-IOV at {address}",
        todo="portside vf list shows the existing ones; if a card moved to another slot, "
        "redefine its pools",
    )


def no_domain(name: str, libvirt: str) -> HostError:
    """Return the error for a domain that libvirt does not have.

    Args:
        name: its name or UUID.
        libvirt: that was asked.
    """
    return HostError(
        "no such domain",
        where=f"{libvirt}, domain {name}",
        todo="virsh list --all shows all domains",
    )


def no_lease(vf: str) -> RequestError:
    """Return the error for a VF that nobody has leased.

    Args:
        vf: names it.
    """
    return RequestError(
        "this VF has no lease", where=vf, todo="portside lease list shows all leases"
    )


def find_vf(inventory: Inventory, address: PciAddress, where: str = "") -> VirtualFunction:
    """Return the VF at an address.

    Args:
        inventory: of the host.
        address: of the VF.
        where: what names the VF, empty for the VF itself.

    Raises:
        RequestError: the address is that of a PF.
        CapacityError: there is no VF at the address.
    """
    found = inventory.find(address)
    if isinstance(found, VirtualFunction):
        return found
    what, place = "no VF at this address", where or str(address)
    if found is not None:
        raise RequestError(
            what,
            where=place,
            found=f"a PF: {address}; this is a physical function; assigning it takes its VFs "
            "from all other users",
            expected="the address of a VF",
            todo=_LIST_VFS,
        )
    raise _nothing_at(what, inventory, address, where)


def no_function(inventory: Inventory, address: PciAddress) -> CapacityError:
    """Return the error for an address where there is neither a PF nor a VF."""
    return _nothing_at("no PF or VF at this address", inventory, address, "")


def _nothing_at(what: str, inventory: Inventory, address: PciAddress, where: str) -> CapacityError:
    count = f"{len(inventory.signals)} VFs on {len(inventory.pfs)} PFs"
    return CapacityError(
        what,
        where=where or str(address),
        found=f"{address}; {count}" if where else f"nothing with SR-IOV; {count}",
        todo=_LIST_VFS,
    )


def pf_interface(pf: PhysicalFunction, where: str = "") -> str:
    """Return the name of the PF's interface, through which its VFs are set.

    Args:
        pf: the PF.
        where: what is to be set, empty for the PF itself.

    Raises:
        HostError: it has none in this network namespace.
    """
    if pf.interfaces is UNKNOWN or not pf.interfaces:
        raise HostError(
            "the PF has no network interface here, so nothing can be set for its VFs",
            where=where or f"PF {pf.address}",
            found=f"PF {pf.address} with driver {pf.driver}"
            if isinstance(pf.driver, str)
            else f"PF {pf.address} without driver",
            expected="an interface in Portside's own network namespace",
            todo="Bind the PF to its network driver, or look for its interface in other network "
            "namespaces",
        )
    return pf.interfaces[0].name
