# SPDX-License-Identifier: Apache-2.0
"""``portside.io/vfs``: virtual functions to add to the domain.

A JSON list of objects with these keys:

- ``name``: a DNS label, the name of a new network of the VM;
- ``pool``, the name of a libvirt network of hostdev forward, or ``address``, the PCI
  address of a VF on the host; one of the two;
- ``mac``: its MAC address; ``vlan``: see ``vlan.read_vlan``;
- ``team``: the network of the persistent virtio NIC that it teams with;
- ``as``: ``hostdev`` or ``interface``, the element that carries it. Default: ``hostdev``
  for a VF that is known; MAC and VLAN of it are set through the PF by the node. An
  ``interface`` starts only where libvirt sees the PF, which it does not in a pod;
- ``managed``: true or false, libvirt's attribute.
"""

import re

from sidecar.errors import RequestError
from sidecar.model import alias
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.request import MAX_PORTS, AttachAs, VfEntry
from sidecar.vmi.annotations import VFS, Annotations
from sidecar.vmi.devices import Interfaces
from sidecar.vmi.field import Field, describe
from sidecar.vmi.vlan import read_vlan

_KEYS = frozenset({"name", "pool", "address", "mac", "vlan", "team", "as", "managed"})

# Whether libvirt chooses the VF is no wish of the VM's owner: it follows from the launcher.
_ELEMENTS = (AttachAs.HOSTDEV, AttachAs.INTERFACE)

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# What libvirt refuses in a network's name (a slash, control characters) and what would
# need quoting in a shell or in a path stays out.
_POOL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,254}")


def read_vfs(annotations: Annotations, interfaces: Interfaces) -> tuple[VfEntry, ...]:
    """Return the entries in their order; those of pools without address.

    Raises:
        RequestError: malformed, a name that an entry or a network has already, or one
            VF in two entries.
    """
    document = annotations.document(VFS)
    if document is None:
        return ()
    fields = document.elements()
    if len(fields) > MAX_PORTS:
        raise RequestError(
            "too many VFs",
            where=document.where,
            found=f"{len(fields)} entries",
            expected=f"at most {MAX_PORTS}",
        )
    entries = tuple(_read_entry(field, field.members(_KEYS)) for field in fields)
    owners = {network.name: "a network of the VM" for network in interfaces.networks}
    owners |= dict.fromkeys(interfaces.absent, "an absent network of the VM")
    # Their devices would have the same alias in the domain.
    owners |= {
        name.removeprefix(alias.PORTSIDE): f"by its alias, the network {describe(name)} of the VM"
        for name in list(owners)
        if name.startswith(alias.PORTSIDE)
    }
    users: dict[PciAddress, str] = {}
    for field, entry in zip(fields, entries, strict=True):
        _claim(field.members(), entry, owners, users)
    return entries


def _claim(
    members: dict[str, Field], entry: VfEntry, owners: dict[str, str], users: dict[PciAddress, str]
) -> None:
    """Take the entry's name and VF out of what the entries after it may use."""
    if entry.name in owners:
        raise members["name"].refuse(f"{owners[entry.name]} has this name", "a name of its own")
    owners[entry.name] = "another entry"
    if entry.address is None:
        return
    if entry.address in users:
        raise members["address"].refuse(
            f"the VF belongs to the entry {describe(users[entry.address])} already",
            "a VF of its own for each entry",
        )
    users[entry.address] = entry.name


def _read_entry(field: Field, members: dict[str, Field]) -> VfEntry:
    if "name" not in members:
        raise field.refuse("an entry without a name", "an object with the key name")
    if ("pool" in members) == ("address" in members):
        raise RequestError(
            "an entry has either a pool or an address",
            where=field.where,
            found="both" if "pool" in members else "neither",
            expected="one of the keys pool and address",
        )
    pool, address, mac = members.get("pool"), members.get("address"), members.get("mac")
    vlan, team, managed = members.get("vlan"), members.get("team"), members.get("managed")
    return VfEntry(
        name=_name(members["name"]),
        attach_as=_attach_as(members.get("as")),
        where=field.where,
        pool=None if pool is None else _pool(pool),
        address=None if address is None else address.parse(PciAddress.parse),
        mac=None if mac is None else mac.parse(MacAddress.parse),
        vlan=None if vlan is None else read_vlan(vlan),
        team=None if team is None else team.text(),
        managed=None if managed is None else managed.boolean(),
    )


def _name(field: Field) -> str:
    if _LABEL.fullmatch(field.text()) is None:
        raise field.refuse(
            "not a name", "1 to 63 lower-case letters, digits and inner dashes (a DNS label)"
        )
    return field.text()


def _pool(field: Field) -> str:
    if _POOL.fullmatch(field.text()) is None:
        raise field.refuse(
            "not the name of a libvirt network", "1 to 255 letters, digits and any of _.:@+-"
        )
    return field.text()


def _attach_as(field: Field | None) -> AttachAs | None:
    if field is None:
        return None
    for kind in _ELEMENTS:
        if field.text() == kind:
            return kind
    raise field.refuse("unknown way to attach a VF", " or ".join(_ELEMENTS))
