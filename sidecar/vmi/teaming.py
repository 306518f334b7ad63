# SPDX-License-Identifier: Apache-2.0
"""``portside.io/teaming``, and the rules that every team keeps.

The annotation is a JSON object, transient network -> persistent network, e.g.
``{"vf": "standby"}``; a VF entry says the same of itself by its key ``team``.

Rules, of libvirt, QEMU and the guest's net_failover: the transient half is a VF, the
persistent half a virtio NIC, each in one team only, and both have the same MAC address.
A plain hostdev's MAC is nobody's business in libvirt, so it has to be known beforehand; of an
entry of ``hostDevices`` it cannot be, since no VMI names it.
"""

from dataclasses import dataclass, replace

from sidecar.errors import RequestError
from sidecar.model.mac import MacAddress
from sidecar.model.request import AttachAs, Network, Request, TeamingPair, VfEntry
from sidecar.vmi.annotations import TEAMING, VFS, Annotations
from sidecar.vmi.devices import Interfaces, find_network
from sidecar.vmi.field import describe

_TRANSIENT = (
    f"the name of an SR-IOV network of the VM, of one of its hostDevices or of an entry of {VFS}"
)
_PERSISTENT = "the name of a virtio network of the VM"


def read_teaming(annotations: Annotations) -> tuple[TeamingPair, ...]:
    """Return the pairs of the annotation; only their form is checked.

    Raises:
        RequestError: no JSON object of strings.
    """
    document = annotations.document(TEAMING)
    if document is None:
        return ()
    return tuple(
        TeamingPair(transient, field.text(), field.where)
        for transient, field in document.members().items()
    )


@dataclass(frozen=True, slots=True)
class Devices:
    """What the pairs are checked against: interfaces, and names of ``hostDevices`` and ``gpus``."""

    interfaces: Interfaces
    host_devices: frozenset[str]
    gpus: frozenset[str]


def share_macs(request: Request) -> Request:
    """Give each VF entry without MAC address that of its team's virtio NIC.

    The one place where that is decided: the hook checks the team by it, and the node agent sets
    it on the VF. Libvirt cannot give it to a plain hostdev.
    """
    macs = {network.name: network.mac for network in request.networks}
    partners = {pair.transient: macs.get(pair.persistent) for pair in request.pairs}
    vfs = tuple(
        replace(entry, mac=partners.get(entry.name)) if entry.mac is None else entry
        for entry in request.vfs
    )
    return replace(request, vfs=vfs)


def check_pairs(request: Request, devices: Devices) -> None:
    """Check every pair of both annotations against the VMI.

    Raises:
        RequestError: a rule is broken, or a name is that of no network.
    """
    entries = {entry.name: entry for entry in request.vfs}
    teamed: set[str] = set()
    taken: dict[str, str] = {}
    for pair in request.pairs:
        if pair.transient in teamed:
            raise _refuse(pair, f"{describe(pair.transient)} is in a team already", pair.persistent)
        transient = entries.get(pair.transient) or _find_transient(pair, devices)
        persistent = _virtio_network(pair, devices.interfaces)
        if pair.persistent in taken:
            other = describe(taken[pair.persistent])
            raise _refuse(pair, f"the network teams with {other} already", pair.persistent)
        teamed.add(pair.transient)
        taken[pair.persistent] = pair.transient
        if transient is not None:
            _check_macs(pair, transient, persistent)
        elif persistent.mac is None:
            raise _lacks_mac(pair, persistent)


def _find_transient(pair: TeamingPair, devices: Devices) -> Network | None:
    """Return the SR-IOV network of a name; ``None`` if it is that of a host device."""
    name = pair.transient
    sriov = {network.name for network in devices.interfaces.networks if network.sriov}
    if name in devices.host_devices and name in sriov:
        raise RequestError(
            "two devices of the VM have this name",
            where=pair.where,
            found=f"{describe(name)}, an SR-IOV network and a host device",
            expected="names that differ",
        )
    if name in devices.host_devices:
        return None
    if name in devices.gpus and name not in sriov:
        raise RequestError(
            "the transient half of a team must be a VF",
            where=pair.where,
            found=f"{describe(name)}, a GPU",
            expected=_TRANSIENT,
        )
    return _sriov_network(pair, devices.interfaces)


def _sriov_network(pair: TeamingPair, interfaces: Interfaces) -> Network:
    network = find_network(interfaces, pair.transient, pair.where, _TRANSIENT)
    if not network.sriov:
        raise RequestError(
            "the transient half of a team must be a VF",
            where=pair.where,
            found=f"{describe(network.name)}, a network without sriov",
            expected=_TRANSIENT,
            todo="The form is transient network -> persistent network",
        )
    return network


def _virtio_network(pair: TeamingPair, interfaces: Interfaces) -> Network:
    if pair.persistent == pair.transient:
        raise _refuse(pair, "a network cannot team with itself", pair.persistent)
    network = find_network(interfaces, pair.persistent, pair.where, _PERSISTENT)
    if network.sriov or not network.virtio:
        kind = "an SR-IOV network" if network.sriov else "of another model than virtio"
        raise RequestError(
            "the persistent half of a team must be a virtio NIC",
            where=pair.where,
            found=f"{describe(network.name)}, {kind}",
            expected=_PERSISTENT,
        )
    return network


def _check_macs(pair: TeamingPair, transient: Network | VfEntry, persistent: Network) -> None:
    plain = isinstance(transient, Network) or transient.kind is AttachAs.HOSTDEV
    if transient.mac is None:
        if plain:
            key = "macAddress" if isinstance(transient, Network) else "mac"
            raise RequestError(
                f"the VF {describe(transient.name)} has no MAC address, which its team needs",
                where=pair.where,
                found=f"no {key}",
                expected=f"the same MAC address as that of {describe(persistent.name)}",
                todo=f"Set macAddress of {describe(persistent.name)} and {key} of "
                f"{describe(transient.name)}: nothing else says what to set on the VF",
            )
        return
    if persistent.mac is not None and persistent.mac != transient.mac:
        raise RequestError(
            "the halves of a team have different MAC addresses",
            where=pair.where,
            found=_macs(transient, transient.mac, persistent, persistent.mac),
            expected="the same on both",
        )


def _lacks_mac(pair: TeamingPair, persistent: Network) -> RequestError:
    """Return the error for a host device, whose MAC address has to be set beforehand."""
    name = describe(persistent.name)
    return RequestError(
        f"a host device teams with {name}, which has no MAC address",
        where=pair.where,
        found=f"no macAddress of {name}",
        expected="the MAC address that the VF has",
        todo=f"Set macAddress of {name}, and the same on the VF through its physical function",
    )


def _macs(
    transient: Network | VfEntry, one: MacAddress, persistent: Network, other: MacAddress
) -> str:
    return f"{one} on {describe(transient.name)} and {other} on {describe(persistent.name)}"


def _refuse(pair: TeamingPair, what: str, found: str) -> RequestError:
    return RequestError(
        what, where=pair.where, found=describe(found), expected="each network in one team at most"
    )
