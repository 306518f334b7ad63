# SPDX-License-Identifier: Apache-2.0
"""The ``vlan`` of a VF entry."""

from sidecar.errors import RequestError, shorten
from sidecar.model.request import MAX_VLAN, NativeMode, Vlan
from sidecar.vmi.field import Field


def read_vlan(field: Field) -> Vlan:
    """Read VLAN tags.

    - ``{"id": 100}``: one tag.
    - ``{"trunk": [10, 20]}``: a trunk of one tag or more.
    - ``{"trunk": [10, 20], "native": 10}``: as above, and what the guest sends
      untagged travels on VLAN 10.
    - ``{"trunk": [10, 20], "native": {"id": 10, "mode": "tagged"}}``: libvirt's
      ``nativeMode``; ``untagged`` is what a plain id means.

    Raises:
        RequestError: neither or both of ``id`` and ``trunk``, ``native`` without
            ``trunk``, an unknown key, or ids that ``Vlan`` refuses.
    """
    members = field.members({"id", "trunk", "native"})
    if ("id" in members) == ("trunk" in members):
        raise RequestError(
            "a VLAN has either an id or a trunk",
            where=field.where,
            found="both" if "id" in members else "neither",
            expected='one of {"id": 100} and {"trunk": [10, 20]}',
        )
    if "id" in members:
        if "native" in members:
            raise members["native"].refuse(
                "a native VLAN belongs to a trunk", 'no native beside id, or {"trunk": [...]}'
            )
        return Vlan((_tag(members["id"]),))
    tags = _tags(members["trunk"])
    if "native" not in members:
        return Vlan(tags, trunk=True)
    native, mode = _native(members["native"], tags)
    return Vlan(tags, trunk=True, native=native, native_mode=mode)


def _tag(field: Field) -> int:
    tag = field.integer()
    if not 1 <= tag <= MAX_VLAN:
        raise field.refuse("VLAN id is out of range", f"1 to {MAX_VLAN}")
    return tag


def _tags(trunk: Field) -> tuple[int, ...]:
    # A dict keeps the order, and finds a duplicate at once however long the list is.
    tags: dict[int, None] = {}
    for field in trunk.elements():
        tag = _tag(field)
        if tag in tags:
            raise field.refuse("a VLAN id stands twice", "each id once")
        tags[tag] = None
    if not tags:
        raise trunk.refuse("an empty trunk", "one VLAN id or more")
    return tuple(tags)


def _native(field: Field, tags: tuple[int, ...]) -> tuple[int, NativeMode]:
    tag, mode = field, NativeMode.UNTAGGED
    if isinstance(field.value, dict):
        members = field.members({"id", "mode"})
        if "id" not in members:
            raise field.refuse("a native VLAN without id", 'an object like {"id": 10}')
        tag = members["id"]
        if "mode" in members:
            mode = _mode(members["mode"])
    if _tag(tag) not in tags:
        raise tag.refuse(
            "the native VLAN is not among the trunk's ids",
            f"one of {shorten(list(tags))}",
        )
    return tag.integer(), mode


def _mode(field: Field) -> NativeMode:
    try:
        return NativeMode(field.text())
    except ValueError as error:
        raise field.refuse("unknown mode of a native VLAN", "tagged or untagged") from error
