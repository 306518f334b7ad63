# SPDX-License-Identifier: Apache-2.0
"""An inventory as data for JSON: ``null`` is none, and a key is missing for what is unknown."""

from collections.abc import Mapping
from typing import Any

from sidecar.host.detail import Detail
from sidecar.host.pciids import PciNames
from sidecar.model.vf import (
    UNKNOWN,
    Inventory,
    NetInterface,
    PhysicalFunction,
    Usage,
    VirtualFunction,
)


def describe_inventory(inventory: Inventory, names: PciNames) -> dict[str, Any]:
    """Return all PFs with their VFs."""
    return {"pfs": [_describe_pf(pf, inventory.usages, names) for pf in inventory.pfs]}


def describe_detail(detail: Detail, names: PciNames) -> dict[str, Any]:
    """Return one PF or VF."""
    function, override = detail.function, _known({"driver_override": detail.driver_override})
    if isinstance(function, VirtualFunction):
        usage = {} if detail.usage is None else {"usage": _describe_usage(detail.usage)}
        return _describe_vf(function, names) | override | usage
    vfs = [] if function.vfs is UNKNOWN else [str(vf.address) for vf in function.vfs]
    data = _describe_pf_itself(function, names) | override
    return (
        data
        | _known({"vfs": UNKNOWN if function.vfs is UNKNOWN else vfs})
        | {"hints": list(detail.hints)}
    )


def _describe_pf(
    pf: PhysicalFunction, usages: Mapping[Any, Usage], names: PciNames
) -> dict[str, Any]:
    data = _describe_pf_itself(pf, names)
    if pf.vfs is not UNKNOWN:
        data["vfs"] = [
            _describe_vf(vf, names) | {"usage": _describe_usage(usages[vf.address])}
            for vf in pf.vfs
        ]
    return data


def _describe_pf_itself(pf: PhysicalFunction, names: PciNames) -> dict[str, Any]:
    counts = {"totalvfs": pf.totalvfs, "numvfs": pf.numvfs}
    return _describe_common(pf, names) | _known(counts)


def _describe_vf(vf: VirtualFunction, names: PciNames) -> dict[str, Any]:
    data = {"physfn": str(vf.physfn), "index": vf.index} | _known({"enable": vf.enabled})
    return _describe_common(vf, names) | data


def _describe_common(
    function: PhysicalFunction | VirtualFunction, names: PciNames
) -> dict[str, Any]:
    known = _known({"id": function.identity, "interfaces": function.interfaces})
    if "id" in known:
        known = known | {"id": str(known["id"]), "name": names.name(known["id"])}
    if "interfaces" in known:
        known["interfaces"] = [_describe_interface(one) for one in known["interfaces"]]
    rest = {
        "driver": function.driver,
        "iommu_group": function.iommu_group,
        "numa_node": function.numa_node,
    }
    return {"address": str(function.address)} | known | _known(rest)


def _describe_interface(interface: NetInterface) -> dict[str, Any]:
    uppers = interface.uppers
    data = {
        "up": interface.up,
        "operstate": interface.operstate,
        "master": interface.master,
        "uppers": uppers if uppers is UNKNOWN else list(uppers),
    }
    return {"name": interface.name} | _known(data)


def _describe_usage(usage: Usage) -> dict[str, Any]:
    return {
        "verdict": str(usage.verdict),
        "free": usage.free,
        "users": list(usage.users),
        "evidence": [{"verdict": str(one.verdict), "text": one.text} for one in usage.evidence],
    }


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not UNKNOWN}
