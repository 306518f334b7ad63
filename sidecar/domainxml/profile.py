# SPDX-License-Identifier: Apache-2.0
"""What a pool's network gives to each VF that libvirt takes from it."""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.document import child_of, parse_xml
from sidecar.errors import RequestError, shorten
from sidecar.model.digits import is_number
from sidecar.model.settings import PortVlan


@dataclass(frozen=True, slots=True)
class Profile:
    """What a guest of the pool gets without asking.

    Args:
        managed: whether libvirt takes a VF from its driver, and gives it back.
        vlan: the network's, or that of its default portgroup; ``None`` for none.
        only_libvirt: what only libvirt can give (a virtualport, a trunk), empty for nothing.
    """

    managed: bool
    vlan: PortVlan | None
    only_libvirt: str = ""


def read_profile(network: bytes) -> Profile:
    """Read it from a pool's network.

    Raises:
        RequestError: the XML is no network, or its VLAN is none.
    """
    root = parse_xml(network, "network")
    forward = child_of(root, "forward")
    managed = forward is not None and forward.get("managed") == "yes"
    # virNetworkAllocatePort: the portgroup's goes before the network's.
    groups = [one for one in root.iterchildren("portgroup") if one.get("default") == "yes"]
    places = [*groups, root]
    if any(child_of(place, "virtualport") is not None for place in places):
        return Profile(managed, None, "a <virtualport>")
    for place in places:
        vlan = child_of(place, "vlan")
        if vlan is not None:
            return _with_vlan(managed, vlan)
    return Profile(managed, None)


def _with_vlan(managed: bool, vlan: etree._Element) -> Profile:  # noqa: FBT001 - a part of the result
    tags = list(vlan.iterchildren("tag"))
    if len(tags) != 1 or vlan.get("trunk") == "yes":
        return Profile(managed, None, "a VLAN trunk")
    text = tags[0].get("id", "")
    if not is_number(text):
        raise RequestError(
            "a VLAN's id is no number", where="network XML, <vlan>", found=shorten(text)
        )
    return Profile(managed, PortVlan(int(text)))
