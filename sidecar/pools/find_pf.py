# SPDX-License-Identifier: Apache-2.0
"""The PF that a pool's definition names, checked against what it asks for."""

from sidecar.errors import RequestError
from sidecar.host.drivers import hints_for
from sidecar.model.pool import PoolDefinition
from sidecar.model.vf import (
    UNKNOWN,
    Inventory,
    PciFunction,
    PhysicalFunction,
    VirtualFunction,
)


def find_pf(inventory: Inventory, definition: PoolDefinition) -> PhysicalFunction:
    """Return the PF whose network interface the definition names.

    Raises:
        RequestError: no such interface, one of a VF, or more VFs than the PF can have.
    """
    name = definition.pf_name
    where = f"pool {definition.name}, <pf dev='{name}'>"
    for pf in inventory.pfs:
        if _has(pf, name):
            _check_total(pf, definition, where)
            return pf
        for vf in () if pf.vfs is UNKNOWN else pf.vfs:
            if _has(vf, name):
                raise _is_vf(vf, where)
    names = sorted(name for pf in inventory.pfs for name in _names(pf))
    raise RequestError(
        "no physical function has this network interface",
        where=where,
        found=f"PFs with {', '.join(names)}" if names else "no PF with a network interface",
        todo="portside vf list shows all of them",
    )


def _names(function: PciFunction) -> tuple[str, ...]:
    interfaces = function.interfaces
    return () if interfaces is UNKNOWN else tuple(one.name for one in interfaces)


def _has(function: PciFunction, name: str) -> bool:
    return name in _names(function)


def _is_vf(vf: VirtualFunction, where: str) -> RequestError:
    return RequestError(
        "this is a virtual function, which has no VFs of its own",
        where=where,
        found=f"VF {vf.index} ({vf.address}) of PF {vf.physfn}",
        expected="the network interface of a PF",
    )


def _check_total(pf: PhysicalFunction, definition: PoolDefinition, where: str) -> None:
    wanted, total = definition.minimum, pf.totalvfs
    if wanted is not None and total is not UNKNOWN and wanted > total:
        raise RequestError(
            "the PF cannot have that many VFs",
            where=f"{where}, <vf num='{wanted}'/>",
            found=str(wanted),
            expected=f"at most {total}, which is sriov_totalvfs of {pf.address}",
            todo=" ".join(
                ("Ask for fewer, or let the firmware give more.", *hints_for(str(pf.driver)))
            ),
        )
