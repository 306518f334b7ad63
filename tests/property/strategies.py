# SPDX-License-Identifier: Apache-2.0
"""Strategies for valid requests, and the VMI that asks for one."""

import json
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import (
    AttachAs,
    DeviceTotal,
    Network,
    Request,
    TeamingPair,
    VfEntry,
    VmiIdentity,
)
from sidecar.model.settings import PortVlan
from sidecar.vmi.path import member

KINDS = (
    ("interfaces", "kubevirt.io/interface", "portside.io/interfaces"),
    ("disks", "kubevirt.io/disk", "portside.io/disks"),
    ("host_devices", "kubevirt.io/hostdevice", "portside.io/host-devices"),
)

_LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
_MACS = st.integers(1, 2**40 - 1).map(
    lambda low: MacAddress("02:" + ":".join(f"{low:010x}"[at : at + 2] for at in range(0, 10, 2)))
)
_ADDRESSES = st.builds(
    PciAddress,
    st.sampled_from((0, 1, 0xFFFF)),
    st.integers(0, 255),
    st.integers(0, 31),
    st.integers(0, 7),
)
_POOLS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,20}", fullmatch=True)
_TAGS = st.integers(1, 4094)


_ELEMENTS = (None, AttachAs.HOSTDEV, AttachAs.INTERFACE)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request that is valid, as the parser would return it for ``vmi_of`` of it."""
    names = draw(st.lists(_LABELS, min_size=draw(st.sampled_from((0, 6))), max_size=9, unique=True))
    entries = draw(st.integers(0, len(names) // 2))
    networks = tuple(draw(_network(name)) for name in names[entries:])
    addresses = draw(st.lists(_ADDRESSES, min_size=entries, max_size=entries, unique=True))
    vfs = tuple(
        draw(_entry(index, name, address))
        for index, (name, address) in enumerate(zip(names[:entries], addresses, strict=True))
    )
    request = Request(
        vmi=VmiIdentity(*(draw(_LABELS) for _ in range(3))),
        networks=networks,
        interfaces=draw(_total("interfaces", len(networks))),
        disks=draw(_total("disks", draw(st.integers(0, 3)))),
        host_devices=draw(_total("host_devices", draw(st.integers(0, 3)))),
        max_ports=draw(st.none() | st.integers(1, 255)),
        vfs=vfs,
        topology_version=draw(st.sampled_from((None, "v3"))),
    )
    return draw(_teamed(request))


@st.composite
def _network(draw: st.DrawFn, name: str) -> Network:
    mac = draw(st.none() | _MACS)
    sriov = draw(st.booleans())
    return Network(name, mac=mac, sriov=sriov, virtio=sriov or draw(st.booleans()))


@st.composite
def _entry(draw: st.DrawFn, index: int, name: str, address: PciAddress) -> VfEntry:
    pool = draw(st.none() | _POOLS)
    return VfEntry(
        name=name,
        attach_as=draw(st.sampled_from(_ELEMENTS)),
        where=f"annotation portside.io/vfs, at $[{index}]",
        pool=pool,
        address=address if pool is None or draw(st.booleans()) else None,
        mac=draw(st.none() | _MACS),
        vlan=draw(st.none() | st.builds(PortVlan, _TAGS)),
        managed=draw(st.none() | st.booleans()),
    )


@st.composite
def _total(draw: st.DrawFn, kind: str, defined: int) -> DeviceTotal | None:
    _, resource, annotation = next(row for row in KINDS if row[0] == kind)
    request = f'VMI, at $.spec.domain.resources.requests["{resource}"]'
    where = draw(st.sampled_from((None, request, f"annotation {annotation}")))
    return None if where is None else DeviceTotal(draw(st.integers(0, 32)), defined, where)


@st.composite
def _teamed(draw: st.DrawFn, request: Request) -> Request:
    """Team some of the request's VFs, giving them the MAC addresses that teams need."""
    networks = {network.name: network for network in request.networks}
    vfs = {entry.name: entry for entry in request.vfs}
    persistent = draw(
        st.permutations([one.name for one in request.networks if one.virtio and not one.sriov])
    )
    transient = draw(st.permutations([*vfs, *(one.name for one in request.networks if one.sriov)]))
    teaming: list[TeamingPair] = []
    most = min(len(persistent), len(transient))
    count = draw(st.sampled_from((0, most, most, most // 2)))
    for vf, nic in zip(transient[:count], persistent[:count], strict=True):
        mac = networks[nic].mac or draw(_MACS)
        if vf in networks:
            networks[vf] = replace(networks[vf], mac=mac)
        else:
            by_entry = draw(st.booleans())
            vfs[vf] = replace(vfs[vf], mac=mac, team=nic if by_entry else None)
            if by_entry:
                continue
        where = f"annotation portside.io/teaming, at {member('$', vf)}"
        teaming.append(TeamingPair(vf, nic, where))
    return replace(
        request,
        networks=tuple(networks.values()),
        vfs=tuple(vfs.values()),
        teaming=tuple(teaming),
    )


def vmi_of(request: Request) -> bytes:
    """Return the VMI that asks for a request."""
    totals = {
        (resource if "requests" in total.where else annotation): str(total.total)
        for name, resource, annotation in KINDS
        if (total := getattr(request, name)) is not None
    }
    annotations = {key: text for key, text in totals.items() if key.startswith("portside.io/")}
    resources = {key: text for key, text in totals.items() if key.startswith("kubevirt.io/")}
    if request.max_ports is not None:
        annotations["portside.io/max-ports"] = str(request.max_ports)
    if request.topology_version is not None:
        annotations["kubevirt.io/pci-topology-version"] = request.topology_version
    documents = {
        "portside.io/teaming": {pair.transient: pair.persistent for pair in request.teaming},
        "portside.io/vfs": [_entry_json(entry) for entry in request.vfs],
        "portside.io/vf-allocations": {
            entry.name: str(entry.address)
            for entry in request.vfs
            if entry.pool is not None and entry.address is not None
        },
    }
    annotations |= {key: json.dumps(value) for key, value in documents.items()}
    metadata = {
        "namespace": request.vmi.namespace,
        "name": request.vmi.name,
        "uid": request.vmi.uid,
        "annotations": annotations,
    }
    domain = {"resources": {"requests": resources}, "devices": _devices(request)}
    return json.dumps({"metadata": metadata, "spec": {"domain": domain}}).encode()


def _devices(request: Request) -> dict[str, list[Any]]:
    disks = 0 if request.disks is None else request.disks.defined
    host_devices = 0 if request.host_devices is None else request.host_devices.defined
    return {
        "interfaces": [
            {
                "name": network.name,
                "sriov" if network.sriov else "bridge": {},
                "macAddress": "" if network.mac is None else str(network.mac),
                "model": "virtio" if network.virtio else "e1000e",
            }
            for network in request.networks
        ],
        "disks": [{"disk": {"bus": bus}} for bus in ["virtio"] * disks + ["sata"]],
        "gpus": [{}] * (host_devices // 2),
        "hostDevices": [
            *({"name": name} for name in sorted(request.host_device_names)),
            *[{}] * (host_devices - host_devices // 2 - len(request.host_device_names)),
        ],
    }


def _entry_json(entry: VfEntry) -> dict[str, Any]:
    given = {"pool": entry.pool} if entry.pool is not None else {"address": str(entry.address)}
    optional = {
        "mac": None if entry.mac is None else str(entry.mac),
        "vlan": None if entry.vlan is None else {"id": entry.vlan.id},
        "team": entry.team,
        "as": entry.attach_as,
        "managed": entry.managed,
    }
    present = {key: value for key, value in optional.items() if value is not None}
    return {"name": entry.name, **given, **present}
