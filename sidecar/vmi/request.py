# SPDX-License-Identifier: Apache-2.0
"""VMI JSON to a Request: the entries of this package."""

from dataclasses import replace

from sidecar.errors import RequestError
from sidecar.model.request import MAX_PORTS, HookSidecars, Request, VmiIdentity
from sidecar.vmi import totals
from sidecar.vmi.allocations import resolve_pools
from sidecar.vmi.annotations import MAX_PORTS as MAX_PORTS_KEY
from sidecar.vmi.annotations import PREFIX, Annotations
from sidecar.vmi.devices import (
    Interfaces,
    count_host_devices,
    on_root_complex,
    read_disks,
    read_gpu_names,
    read_host_device_names,
    read_interfaces,
    uses_transitional,
)
from sidecar.vmi.document import load_bytes
from sidecar.vmi.field import Field
from sidecar.vmi.quantity import read_count
from sidecar.vmi.sidecars import read_sidecars
from sidecar.vmi.teaming import Devices, check_pairs, read_teaming, share_macs
from sidecar.vmi.vfs import read_vfs

_SOURCE = "VMI"
_TOPOLOGY_VERSION = "kubevirt.io/pci-topology-version"
_MAX_NAME = 253


def parse_request(vmi: bytes) -> Request:
    """Read what a VMI asks of Portside.

    A VMI without any key of ours asks for nothing, whatever else is odd about it:
    nothing of it is looked at but its identity.

    Args:
        vmi: the VMI as JSON in UTF-8, as KubeVirt hands it to a hook.

    Raises:
        RequestError: no JSON object, or an impossible request; the error names the
            annotation or field, the path in it, what was found and what was expected.
            No error quotes a value outside of what is ours and of the VMI's devices.
    """
    document = _load(vmi)
    annotations = _object(_object(document, "metadata"), "annotations")
    identity = _identify(document)
    topology_version = annotations.get(_TOPOLOGY_VERSION)
    version = _name(topology_version) or None
    ours = {key: value for key, value in annotations.items() if key.startswith(PREFIX)}
    if not ours and not _requests_totals(document):
        return Request(vmi=identity, topology_version=version)
    if _migrates(document):
        # It has booted on another node: what it asks was answered there, and a refusal here
        # would only stop the migration.
        return Request(vmi=identity, topology_version=version, migration_target=True)
    vmi_field = Field(_SOURCE, document)
    return _read(vmi_field, Annotations(ours), identity, version, read_sidecars(annotations))


def parse_identity(vmi: bytes) -> VmiIdentity:
    """Read whose VMI it is, whatever it asks.

    Raises:
        RequestError: no JSON object.
    """
    return _identify(_load(vmi))


def _load(vmi: bytes) -> dict[str, object]:
    document = load_bytes(vmi, _SOURCE)
    if not isinstance(document, dict):
        raise RequestError(
            "not a VMI", where=_SOURCE, found="JSON of another type", expected="a JSON object"
        )
    return document


def _identify(document: dict[str, object]) -> VmiIdentity:
    metadata = _object(document, "metadata")
    return VmiIdentity(*(_name(metadata.get(key)) for key in ("namespace", "name", "uid")))


def _read(
    vmi: Field,
    annotations: Annotations,
    identity: VmiIdentity,
    version: str | None,
    sidecars: HookSidecars,
) -> Request:
    interfaces = read_interfaces(vmi)
    strategy = vmi.get("spec", "evictionStrategy")
    max_ports = annotations.plain(MAX_PORTS_KEY)
    request = Request(
        vmi=identity,
        networks=interfaces.networks,
        bound=interfaces.bound,
        interfaces=totals.read_total(
            totals.INTERFACES, vmi, annotations, lambda: _count_interfaces(interfaces)
        ),
        disks=totals.read_total(totals.DISKS, vmi, annotations, lambda: _count_disks(vmi)),
        host_devices=totals.read_total(
            totals.HOST_DEVICES, vmi, annotations, lambda: totals.Defined(count_host_devices(vmi))
        ),
        max_ports=None if max_ports is None else read_count(max_ports, 1, MAX_PORTS),
        teaming=read_teaming(annotations),
        vfs=resolve_pools(read_vfs(annotations, interfaces), annotations),
        topology_version=version,
        hook_sidecars=sidecars,
        eviction_strategy=_name(None if strategy is None else strategy.value) or None,
        root_complex=on_root_complex(vmi),
        transitional=uses_transitional(vmi),
    )
    if not request.pairs:
        return request
    devices = Devices(interfaces, read_host_device_names(vmi), read_gpu_names(vmi))
    request = replace(share_macs(request), host_device_names=devices.host_devices)
    check_pairs(request, devices)
    return request


def _count_interfaces(interfaces: Interfaces) -> totals.Defined:
    return totals.Defined(len(interfaces.networks) - len(interfaces.bound), interfaces.bound)


def _count_disks(vmi: Field) -> totals.Defined:
    disks = read_disks(vmi)
    return totals.Defined(disks.defined, disks.hotplugged)


def _requests_totals(document: dict[str, object]) -> bool:
    resources = _object(_object(_object(document, "spec"), "domain"), "resources")
    return any(
        not totals.RESOURCES.isdisjoint(_object(resources, part)) for part in ("requests", "limits")
    )


def _migrates(document: dict[str, object]) -> bool:
    """Whether a migration is under way: this pod is its target, for its source has booted."""
    state = _object(_object(document, "status"), "migrationState")
    ended = state.get("completed") or state.get("failed") or state.get("endTimestamp")
    return bool(state) and not ended


def _object(parent: dict[str, object], key: str) -> dict[str, object]:
    """Return a member that is an object; an empty one where the VMI has none."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str:
    """Return a name for logs: bounded, and fit for UTF-8 even if JSON escaped half a pair."""
    if not isinstance(value, str):
        return ""
    return value[:_MAX_NAME].encode("utf-8", "replace").decode("utf-8")
