# SPDX-License-Identifier: Apache-2.0
"""What InfiniBand does not let anybody do with a VF.

Its VFs have GUIDs. ``virNetDevSetVfConfig`` of libvirt sets a MAC address and a VLAN through the
PF for each VF that it gives away as an interface, and the drivers answer EOPNOTSUPP.
"""

from sidecar.errors import RequestError
from sidecar.model.request import AttachAs
from sidecar.model.vf import UNKNOWN, PhysicalFunction


def describe_infiniband(pf: PhysicalFunction) -> tuple[str, ...]:
    """Return a sentence on each of a PF's interfaces that is InfiniBand."""
    interfaces = () if pf.interfaces is UNKNOWN else pf.interfaces
    return tuple(
        f"{one.name} is InfiniBand, not Ethernet: libvirt can set neither a MAC address nor a VLAN "
        "for its VFs. Attach them as plain hostdevs: portside pool attach --as hostdev"
        for one in interfaces
        if one.infiniband
    )


def check_ethernet(pf: PhysicalFunction, kind: AttachAs, *, sets_address: bool, where: str) -> None:
    """Refuse what an InfiniBand VF cannot be or have.

    Args:
        pf: the VF's PF.
        kind: what the VF is to be to libvirt.
        sets_address: whether a MAC address or a VLAN is asked for.
        where: what errors are about.

    Raises:
        RequestError: the PF is InfiniBand, and the VF is to be more than a plain hostdev.
    """
    said = describe_infiniband(pf)
    if said and (kind is not AttachAs.HOSTDEV or sets_address):
        raise RequestError(
            "an InfiniBand VF goes to a guest as a plain hostdev only",
            where=where,
            found=said[0].partition(":")[0],
            expected="--as hostdev, without --mac and --vlan",
        )
