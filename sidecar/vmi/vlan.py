# SPDX-License-Identifier: Apache-2.0
"""The ``vlan`` of a VF entry: ``{"id": 100}``.

One VLAN and no trunk: a PF takes one for each VF (netlink's ``IFLA_VF_VLAN``), and libvirt
refuses a trunk on a VF when the domain starts (``virNetDevSetNetConfig``).
"""

import json

from sidecar.errors import RequestError
from sidecar.model.settings import MAX_VLAN, PortVlan
from sidecar.vmi.field import Field

_EXPECTED = 'an object like {"id": 100}'
_TRUNK_KEYS = ("trunk", "native")
_MAX_QUOTED = 80


def read_vlan(field: Field) -> PortVlan:
    """Read the VLAN of a VF.

    Raises:
        RequestError: a trunk, which nothing could set; no ``id``, an unknown key, or an id
            out of range.
    """
    if isinstance(field.value, dict) and any(key in field.value for key in _TRUNK_KEYS):
        raise _refuse_trunk(field)
    if isinstance(field.value, list):
        raise _refuse_trunk(field)
    members = field.members({"id"})
    if "id" not in members:
        raise field.refuse("a VLAN without id", _EXPECTED)
    tag = members["id"]
    if isinstance(tag.value, list):
        raise _refuse_trunk(field)
    if not 1 <= tag.integer() <= MAX_VLAN:
        raise tag.refuse("VLAN id is out of range", f"1 to {MAX_VLAN}")
    return PortVlan(tag.integer())


def _refuse_trunk(field: Field) -> RequestError:
    text = json.dumps(field.value)
    return RequestError(
        "a VF has one VLAN: nothing can set a trunk for it",
        where=field.where,
        found=text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 3]}...",
        expected=_EXPECTED,
        todo="Leave vlan out if the guest tags its frames itself",
    )
