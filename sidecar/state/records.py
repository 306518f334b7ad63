# SPDX-License-Identifier: Apache-2.0
"""Records as JSON: leases, PFs, pools. Pure; strict, as ``fields`` says."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sidecar.errors import HostError
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.pool import KeptVf, PfRecord, PoolDefinition, PoolRecord
from sidecar.model.settings import LinkState, PortVlan, VfSettings, VlanProtocol
from sidecar.state.fields import Fields, dump, load
from sidecar.state.vf_numbers import format_numbers, parse_numbers

_LEASE: Final = (
    *("pf", "index", "generation", "state", "holder", "pool", "settings", "time", "reason"),
)
_PF: Final = ("pf", "made", "boot", "operation", "quarantine", "kept", "records")
_POOL: Final = ("name", "pf_name", "minimum", "pf", "autostart")
_RATES: Final = ("min_tx_rate", "max_tx_rate")
_SETTINGS: Final = ("mac", "vlan", "trust", "spoofchk", "link_state", *_RATES)


@dataclass(frozen=True, slots=True)
class PfFile:
    """A PF's file: its record, and the numbers of the VFs whose own records must be there."""

    record: PfRecord
    known: frozenset[int] = frozenset()


def format_lease(lease: Lease) -> bytes:
    """Write a lease."""
    holder = lease.holder
    return dump(
        {
            "pf": str(lease.pf),
            "index": lease.index,
            "generation": lease.generation,
            "state": str(lease.state),
            "holder": None
            if holder is None
            else {"kind": str(holder.kind), "name": holder.name, "uid": holder.uid},
            "pool": lease.pool,
            "settings": _describe_settings(lease.settings),
            "time": lease.time,
            "reason": lease.reason,
        }
    )


def parse_lease(data: bytes, file: str, pf: PciAddress, index: int) -> Lease:
    """Read the lease of a VF.

    Raises:
        NewerFormatError: of a later version.
        HostError: damaged, or of another VF.
    """
    fields = load(data, file, _LEASE)
    holder = None
    if fields.get("holder") is not None:
        inner = fields.fields("holder", ("kind", "name", "uid"))
        kind, name, uid = inner.parse("kind", HolderKind), inner.text("name"), inner.text("uid")
        holder = inner.build(lambda: Holder(kind, name, uid))
    lease = fields.build(
        lambda: Lease(
            pf=fields.parse("pf", PciAddress.parse),
            index=fields.number("index"),
            generation=fields.number("generation"),
            state=fields.parse("state", LeaseState),
            holder=holder,
            pool=fields.text("pool"),
            settings=_parse_settings(fields.fields("settings", _SETTINGS)),
            time=fields.parse("time", _check_time),
            reason=fields.text("reason"),
        )
    )
    if (lease.pf, lease.index) != (pf, index):
        raise HostError(
            "the record of another VF",
            where=file,
            found=f"VF {lease.index} of {lease.pf}",
            expected=f"VF {index} of {pf}",
        )
    return lease


def format_pf(file: PfFile) -> bytes:
    """Write a PF's file."""
    record = file.record
    kept = {
        str(index): {"settings": _describe_settings(one.settings), "driver": one.driver}
        for index, one in sorted(record.kept.items())
    }
    return dump(
        {
            "pf": str(record.pf),
            "made": record.made,
            "boot": record.boot,
            "operation": record.operation,
            "quarantine": record.quarantine,
            "kept": kept,
            "records": format_numbers(file.known),
        }
    )


def parse_pf(data: bytes, file: str, pf: PciAddress) -> PfFile:
    """Read a PF's file.

    Raises:
        HostError: damaged, of a later version, or of another PF.
    """
    fields = load(data, file, _PF)
    if fields.parse("pf", PciAddress.parse) != pf:
        raise fields.damage(fields.text("pf"), str(pf), "pf")
    record = PfRecord(
        pf,
        made=fields.number("made"),
        boot=fields.text("boot"),
        operation=fields.text("operation"),
        quarantine=fields.text("quarantine"),
        kept=_parse_kept(fields),
    )
    return PfFile(record, fields.parse("records", parse_numbers))


def format_pool(record: PoolRecord) -> bytes:
    """Write a pool."""
    wanted = record.definition
    return dump(
        {
            "name": wanted.name,
            "pf_name": wanted.pf_name,
            "minimum": wanted.minimum,
            "pf": str(record.pf),
            "autostart": record.autostart,
        }
    )


def parse_pool(data: bytes, file: str) -> PoolRecord:
    """Read a pool.

    Raises:
        HostError: damaged, or of a later version.
    """
    fields = load(data, file, _POOL)
    name, pf_name = fields.text("name"), fields.text("pf_name")
    minimum = None if fields.get("minimum") is None else fields.number("minimum")
    definition = fields.build(lambda: PoolDefinition(name, pf_name, minimum))
    return PoolRecord(definition, fields.parse("pf", PciAddress.parse), fields.truth("autostart"))


def _describe_settings(settings: VfSettings) -> dict[str, object]:
    """Return what is set; a key that is not there leaves the VF as it is."""
    vlan = settings.vlan
    data = {
        "mac": None if settings.mac is None else str(settings.mac),
        "vlan": vlan and {"id": vlan.id, "qos": vlan.qos, "protocol": str(vlan.protocol)},
        "trust": settings.trust,
        "spoofchk": settings.spoofchk,
        "link_state": settings.link_state and str(settings.link_state),
        "min_tx_rate": settings.min_tx_rate,
        "max_tx_rate": settings.max_tx_rate,
    }
    return {key: value for key, value in data.items() if value is not None}


def _parse_settings(fields: Fields) -> VfSettings:
    vlan = None
    if "vlan" in fields:
        inner = fields.fields("vlan", ("id", "qos", "protocol"))
        identity, qos = inner.number("id"), inner.number("qos")
        protocol = inner.parse("protocol", VlanProtocol)
        vlan = inner.build(lambda: PortVlan(identity, qos, protocol))
    return fields.build(
        lambda: VfSettings(
            mac=fields.parse("mac", MacAddress) if "mac" in fields else None,
            vlan=vlan,
            trust=fields.truth("trust") if "trust" in fields else None,
            spoofchk=fields.truth("spoofchk") if "spoofchk" in fields else None,
            link_state=fields.parse("link_state", LinkState) if "link_state" in fields else None,
            min_tx_rate=fields.number("min_tx_rate") if "min_tx_rate" in fields else None,
            max_tx_rate=fields.number("max_tx_rate") if "max_tx_rate" in fields else None,
        )
    )


def _parse_kept(fields: Fields) -> dict[int, KeptVf]:
    data = fields.get("kept")
    if not isinstance(data, dict):
        raise fields.damage(data, "an object", "kept")
    kept = {}
    for key in data:
        numbers = parse_numbers(key) if key.isascii() and key.isdigit() else frozenset()
        if {str(number) for number in numbers} != {key}:
            raise fields.damage(key, "the number of a VF", "kept")
        inner = fields.fields("kept", tuple(data)).fields(key, ("settings", "driver"))
        settings = _parse_settings(inner.fields("settings", _SETTINGS))
        kept[int(key)] = KeptVf(settings, inner.text("driver"))
    return kept


def _check_time(text: str) -> str:
    datetime.fromisoformat(text)
    return text
