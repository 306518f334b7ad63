# SPDX-License-Identifier: Apache-2.0
"""What a domain must have for a VF to be attached: a port, and a partner if it is a team's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.domainxml.domain_needs import DomainNeeds, NeededDevice
from sidecar.errors import CapacityError, RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.ports import MachineFamily

_USER: Final = "ua-"
"""libvirt keeps aliases that begin so (``virDomainDeviceAliasIsUserAlias``)."""
_OURS: Final = "ua-portside-"
"""Of a VF on a plain libvirt host. In KubeVirt's domains ours are named for its migration: see
``sidecar.model.alias``."""
_NO_ALIAS = re.compile(r"[^a-zA-Z0-9_-]")
"""``USER_ALIAS_CHARS`` of libvirt, turned round."""
_VIRTIO: Final = frozenset({"virtio", "virtio-non-transitional"})


@dataclass(frozen=True, slots=True)
class Target:
    """A state of the domain that gets the VF: as it runs, or as it is configured."""

    needs: DomainNeeds
    live: bool

    @property
    def where(self) -> str:
        """What errors call it."""
        return f"domain {self.needs.name}, {'running' if self.live else 'configuration'}"


def check_port(target: Target) -> None:
    """Demand a port that a device can be plugged into, in a running domain.

    Raises:
        CapacityError: there is none; libvirt would say ``No more available PCI slots``.
        RequestError: the machine has no PCI.
    """
    ports = target.needs.ports
    if not target.live:
        # libvirt adds a port to a configuration by itself.
        return
    if ports is None or ports.family is MachineFamily.NONE:
        raise RequestError(
            "this machine has no PCI bus for a VF",
            where=target.where,
            found=target.needs.problem,
        )
    if ports.family is not MachineFamily.CCW and ports.free < 1:
        pcie = ports.family is MachineFamily.PCIE
        raise CapacityError(
            f"no free {'root port' if pcie else 'PCI slot'} for the VF",
            where=target.where,
            found=f"all {ports.total} taken, or closed by hotplug='off'",
            todo="libvirt would say: No more available PCI slots. Ports are added while the "
            "domain is off; portside topology shows them",
        )


def check_team(target: Target, team: str, mac: MacAddress | None) -> MacAddress:
    """Check that a VF can be the primary of a team, and return the MAC address that it needs.

    Args:
        target: the domain.
        team: alias of the persistent half.
        mac: that the user wants, ``None`` for the persistent half's.

    Raises:
        RequestError: the persistent half cannot be one, has another MAC address, or has a
            primary already.
    """
    standby = _find_standby(target, team)
    if target.needs.ports is None or target.needs.ports.family is not MachineFamily.PCIE:
        raise RequestError("teaming needs a machine with PCIe ports", where=target.where)
    for device in target.needs.devices:
        if device.team == "transient" and device.partner == team:
            raise RequestError(
                "this team already has its VF",
                where=f"{target.where}, alias {team}",
                found=f"primary {device.alias or device.where}",
                expected="none: QEMU allows one primary per standby",
                todo="Detach it first",
            )
    if standby.mac is None:
        raise RequestError(
            "the persistent half has no MAC address", where=f"{target.where}, alias {team}"
        )
    if mac is not None and mac != standby.mac:
        raise RequestError(
            "the halves of a team have different MAC addresses",
            where=f"{target.where}, alias {team}",
            found=f"VF {mac}, {team} {standby.mac}",
            expected="the same MAC address on both",
            todo="Leave --mac out: the VF then gets its partner's MAC address",
        )
    return standby.mac


def _find_standby(target: Target, team: str) -> NeededDevice:
    devices = target.needs.devices
    found = next((one for one in devices if one.alias == team and one.emulated), None)
    where = f"{target.where}, alias {team}"
    if found is None:
        known = [one.alias for one in devices if one.team == "persistent" and one.alias]
        raise RequestError(
            "no interface has this alias",
            where=where,
            found=f"persistent halves {', '.join(known)}" if known else "no persistent half",
            expected="a virtio interface with <teaming type='persistent'/> and this alias",
        )
    if found.team != "persistent" or found.model not in _VIRTIO:
        raise RequestError(
            "this interface cannot be the persistent half of a team",
            where=where,
            found=f"model {found.model or 'none'}, teaming {found.team or 'none'}",
            expected="a virtio interface with <teaming type='persistent'/>",
            todo="libvirt sets this when the domain starts, not while it runs",
        )
    return found


def full_alias(alias: str) -> str:
    """Return an alias as libvirt wants it from users."""
    return alias if alias.startswith(_USER) else _USER + alias


def choose_alias(states: Sequence[DomainNeeds], pool: str, team: str | None) -> str:
    """Choose the alias of a VF.

    A team's VF has the same one each time: after a detach QEMU takes no VF of another alias
    (``Cannot attach more than one primary device``), so the configuration's goes first.

    Args:
        states: all that is known of the domain, running and configured.
        pool: the network's name.
        team: alias of the persistent half, ``None`` for no team.
    """
    devices = [device for state in states for device in state.devices]
    if team is not None:
        for device in devices:
            if device.partner == team and device.alias.startswith(_USER):
                return device.alias
        return _OURS + team.removeprefix(_USER)
    taken, number = {device.alias for device in devices}, 0
    name = _NO_ALIAS.sub("-", pool)
    while (alias := f"{_OURS}{name}-{number}") in taken:
        number += 1
    return alias
