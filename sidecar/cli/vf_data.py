# SPDX-License-Identifier: Apache-2.0
"""A host's functions as data for JSON; what is unknown is ``null``, and ``unknown`` says why."""

from typing import Any, Final

from sidecar.cli.availability import describe_assessment, with_unknown
from sidecar.host.detail import Detail
from sidecar.host.pciids import PciNames
from sidecar.model.vf import (
    UNKNOWN,
    NetInterface,
    PhysicalFunction,
    VirtualFunction,
)
from sidecar.pools.observe import HostView

_UNREADABLE: Final = {
    "id": "vendor or device cannot be read",
    "name": "vendor or device cannot be read",
    "driver": "the link driver cannot be read",
    "interfaces": "the folder net cannot be listed",
    "iommu_group": "the link iommu_group cannot be read",
    "numa_node": "numa_node cannot be read",
    "totalvfs": "sriov_totalvfs cannot be read",
    "numvfs": "the links virtfn cannot be read",
    "vfs": "the links virtfn cannot be read",
    "enable": "enable cannot be read",
    "driver_override": "driver_override could not be read in time",
    "up": "flags cannot be read",
    "operstate": "operstate cannot be read",
    "master": "the interface's folder cannot be read",
    "uppers": "the interface's folder cannot be read",
}
"""By key, what in the function's folder in sysfs could not be read."""


def describe_host(view: HostView, names: PciNames) -> dict[str, Any]:
    """Return all PFs with their VFs."""
    return {"pfs": [_describe_pf(pf, view, names) for pf in view.inventory.pfs]}


def describe_detail(detail: Detail, view: HostView, names: PciNames) -> dict[str, Any]:
    """Return one PF or VF."""
    function, override = detail.function, {"driver_override": detail.driver_override}
    if isinstance(function, VirtualFunction):
        return _describe_vf(function, view, names, override)
    vfs = UNKNOWN if function.vfs is UNKNOWN else [str(vf.address) for vf in function.vfs]
    rest = override | {"vfs": vfs, "hints": list(detail.hints)}
    return with_unknown(_describe_pf_itself(function, names) | rest, _UNREADABLE)


def _describe_pf(pf: PhysicalFunction, view: HostView, names: PciNames) -> dict[str, Any]:
    vfs = UNKNOWN if pf.vfs is UNKNOWN else [_describe_vf(vf, view, names, {}) for vf in pf.vfs]
    return with_unknown(_describe_pf_itself(pf, names) | {"vfs": vfs}, _UNREADABLE)


def _describe_pf_itself(pf: PhysicalFunction, names: PciNames) -> dict[str, Any]:
    return _describe_common(pf, names) | {"totalvfs": pf.totalvfs, "numvfs": pf.numvfs}


def _describe_vf(
    vf: VirtualFunction, view: HostView, names: PciNames, more: dict[str, Any]
) -> dict[str, Any]:
    own = {"physfn": str(vf.physfn), "index": vf.index, "enable": vf.enabled}
    data = with_unknown(_describe_common(vf, names) | own | more, _UNREADABLE)
    return data | describe_assessment(view.assessments[vf.address])


def _describe_common(
    function: PhysicalFunction | VirtualFunction, names: PciNames
) -> dict[str, Any]:
    identity, interfaces = function.identity, function.interfaces
    return {
        "address": str(function.address),
        "id": UNKNOWN if identity is UNKNOWN else str(identity),
        "name": UNKNOWN if identity is UNKNOWN else names.name(identity),
        "interfaces": UNKNOWN
        if interfaces is UNKNOWN
        else [_describe_interface(one) for one in interfaces],
        "driver": function.driver,
        "iommu_group": function.iommu_group,
        "numa_node": function.numa_node,
    }


def _describe_interface(interface: NetInterface) -> dict[str, Any]:
    uppers = interface.uppers
    data = {
        "name": interface.name,
        "up": interface.up,
        "operstate": interface.operstate,
        "master": interface.master,
        "uppers": uppers if uppers is UNKNOWN else list(uppers),
    }
    return with_unknown(data, _UNREADABLE)
