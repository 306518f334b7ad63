# SPDX-License-Identifier: Apache-2.0
"""``portside.io/vf-allocations``: which VF of its pool each entry got.

A JSON object, name of an entry of ``portside.io/vfs`` -> PCI address on the host, e.g.
``{"fast": "0000:3b:02.1"}``, written by whoever allocates, not by the VM's owner.
"""

from collections.abc import Mapping
from dataclasses import replace

from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.request import VfEntry
from sidecar.vmi.annotations import VF_ALLOCATIONS, VFS, Annotations
from sidecar.vmi.field import Field, describe, enumerate_names


def resolve_pools(entries: tuple[VfEntry, ...], annotations: Annotations) -> tuple[VfEntry, ...]:
    """Return the entries, those of pools with the address that was allocated to them.

    Raises:
        RequestError: malformed, a name that no pool entry has, or two entries on one VF.
    """
    document = annotations.document(VF_ALLOCATIONS)
    if document is None:
        return entries
    allocations = document.members()
    pools = {entry.name for entry in entries if entry.pool is not None}
    owners = {entry.address: entry.name for entry in entries if entry.address is not None}
    addresses: dict[str, PciAddress] = {}
    for name, field in allocations.items():
        if name not in pools:
            raise _no_pool_entry(name, field, entries)
        address = field.parse(PciAddress.parse)
        if address in owners:
            raise field.refuse(
                f"the VF belongs to the entry {describe(owners[address])} already",
                "a VF of its own for each entry",
            )
        owners[address] = name
        addresses[name] = address
    return _with_addresses(entries, addresses)


def _with_addresses(
    entries: tuple[VfEntry, ...], addresses: Mapping[str, PciAddress]
) -> tuple[VfEntry, ...]:
    return tuple(
        replace(entry, address=addresses[entry.name]) if entry.name in addresses else entry
        for entry in entries
    )


def _no_pool_entry(name: str, field: Field, entries: tuple[VfEntry, ...]) -> RequestError:
    """Return the error for an allocation to a name that is not that of a pool entry."""
    pools = enumerate_names(entry.name for entry in entries if entry.pool is not None)
    has_address = any(entry.name == name for entry in entries)
    return RequestError(
        "the entry gives its VF itself" if has_address else f"no entry of {VFS} has this name",
        where=field.where,
        found=describe(name),
        expected=f"the name of an entry with a pool; there is {pools}",
    )
