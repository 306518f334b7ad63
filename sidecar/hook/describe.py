# SPDX-License-Identifier: Apache-2.0
"""What a VM asks for, as the log and ``portside check`` show it."""

from sidecar.model.request import DeviceTotal, Request


def describe_request(request: Request) -> dict[str, object]:
    """Return what a VM asks for, as a log shows it: only what is there, no MAC, no path."""
    totals = {
        "interfaces": request.interfaces,
        "disks": request.disks,
        "host_devices": request.host_devices,
    }
    asked: dict[str, object] = {
        name: _total(total) for name, total in totals.items() if total is not None
    }
    if request.max_ports is not None:
        asked["max_ports"] = request.max_ports
    if request.teaming:
        asked["teaming"] = {pair.transient: pair.persistent for pair in request.teaming}
    if request.vfs:
        asked["vfs"] = {
            entry.name: str(entry.address or f"pool {entry.pool}") for entry in request.vfs
        }
    if asked and request.topology_version is not None:
        asked["topology_version"] = request.topology_version
    return asked


def _total(total: DeviceTotal) -> dict[str, int]:
    return {"total": total.total, "defined": total.defined}
