# SPDX-License-Identifier: Apache-2.0
"""One MAC address on two functions of a PF: the card's switch would give the frames to one only."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sidecar.errors import CapacityError
from sidecar.model.mac import MacAddress


@dataclass(frozen=True, slots=True)
class MacUse:
    """A MAC address that a function of the PF has, or is to have.

    Args:
        mac: the address.
        index: the VF's number, ``None`` for the PF.
        name: names function and place, for errors.
        interface: the network interface that has it, empty where the PF keeps it.
        todo: how it becomes free.
    """

    mac: MacAddress
    index: int | None
    name: str
    interface: str = ""
    todo: str = ""


def check_mac(
    mac: MacAddress, index: int, uses: Iterable[MacUse], *, where: str, team: Collection[str] = ()
) -> None:
    """Refuse a MAC address that another function of the PF has.

    Args:
        mac: that the VF is to have.
        index: the VF's number.
        uses: of the PF's MAC addresses.
        where: the VF, for errors.
        team: the host's network interfaces that the VF's partner in a team sits on: the halves
            of a team have one address.

    Raises:
        CapacityError: another function has it.
    """
    uses = tuple(uses)
    partners = {one.index for one in uses if one.interface in team and one.interface}
    for one in uses:
        if one.mac == mac and one.index != index and one.index not in partners:
            raise CapacityError(
                "another function of this PF has this MAC address",
                where=where,
                found=f"{mac} on {one.name}",
                expected="a MAC address that no other function of the PF has",
                todo=one.todo or "Use another MAC address, or give that function another one first",
            )
