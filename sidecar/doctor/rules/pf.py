# SPDX-License-Identifier: Apache-2.0
"""Can each PF make VFs, and give them to guests?"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from sidecar.doctor.rules.facts import HOST, PfFacts
from sidecar.doctor.rules.finding import Code, Finding, Level, or_fine
from sidecar.model.host_facts import Reading
from sidecar.model.vf import UNKNOWN, NetInterface

_DEVICES: Final = "/sys/bus/pci/devices"
_NOT_ONLINE: Final = (
    "Unable to configure VF {} of PF '{}' because the PF is not online. Please change host "
    "network config to put the PF online."
)
_DEFINE: Final = (
    "Define a pool on it with the number of VFs that it is to have, and start that: portside pool "
    "define, portside pool start"
)
_FIRMWARE: Final = (
    "Switch SR-IOV on for this card and give it VFs: in the host's firmware setup, in the card's "
    "own setup, or with its vendor's tool; then boot the host."
)
_ENOENT: Final = "write to sriov_numvfs: No such file or directory (ENOENT)"


def examine_pfs(pfs: tuple[PfFacts, ...], wanted: AbstractSet[str]) -> Iterator[Finding]:
    """Say what stands against each PF's VFs.

    Args:
        pfs: all PFs that the call is about.
        wanted: addresses of those that a pool or the domain uses; empty if nobody says which
            PFs matter, so that all do. What is wrong with another is but a warning.
    """
    if not pfs:
        yield Finding(
            Code.NO_PF,
            Level.FAILS,
            HOST,
            "no PCI device on this host has SR-IOV, so there are no VFs",
            evidence=(Reading(_DEVICES, "no device with sriov_totalvfs"),),
            remedy="Enable SR-IOV in the firmware setup and in the card's own setup; a kernel "
            "without CONFIG_PCI_IOV shows none either",
        )
    for pf in pfs:
        if not pf.pf.network_card:
            yield _no_card(pf)
            continue
        level = Level.FAILS if not wanted or str(pf.pf.address) in wanted else Level.WARNING
        yield from or_fine(_examine(pf, level), _fine(pf))


def _examine(facts: PfFacts, level: Level) -> Iterator[Finding]:
    yield from _examine_driver(facts, level)
    yield from _examine_link(facts, level)
    if facts.pf.vfs is UNKNOWN:
        yield Finding(
            Code.PF_UNREADABLE,
            level,
            facts.name,
            "its VFs cannot be listed",
            evidence=(Reading(_path(facts), "virtfn links that cannot be read"),),
            remedy="Run as root, with the host's sysfs on /sys",
        )
    elif not facts.pf.vfs:
        yield _no_vfs(facts)


def _no_vfs(facts: PfFacts) -> Finding:
    text, remedy = "it has no VFs", _DEFINE
    if facts.pf.totalvfs == 0:
        text = "it has no VFs, and its firmware allows none (sriov_totalvfs 0)"
        remedy = " ".join((_FIRMWARE, *facts.driver.hints))
    return Finding(
        Code.PF_NO_VFS,
        Level.WARNING,
        facts.name,
        text,
        evidence=(Reading(_path(facts), "no virtfn link"), *_total(facts)),
        remedy=remedy,
    )


def _no_card(facts: PfFacts) -> Finding:
    """Mention a PF that is no network card: it is in nobody's way."""
    kind = facts.pf.device_class
    text = f"not a network card (PCI class {kind:#08x}): Portside does not use it"
    evidence = (Reading(f"{_path(facts)}/class", f"{kind:#08x}"),)
    return Finding(Code.PF_NOT_A_NIC, Level.OK, facts.name, text, evidence=evidence)


def _examine_driver(facts: PfFacts, level: Level) -> Iterator[Finding]:
    driver = facts.pf.driver
    if driver is UNKNOWN:
        return
    evidence = (Reading(f"{_path(facts)}/driver", driver or "no link"),)
    if driver is None:
        yield Finding(
            Code.PF_NO_DRIVER,
            level,
            facts.name,
            "it has no driver, and only a driver can create VFs",
            _ENOENT,
            evidence,
            f"Load the driver and bind the PF: echo {facts.pf.address} > "
            "/sys/bus/pci/drivers_probe",
        )
    elif not facts.driver.configures:
        hints = f" {' '.join(facts.driver.hints)}" if facts.driver.hints else ""
        yield Finding(
            Code.DRIVER_NO_SRIOV,
            level if not facts.vfs else Level.WARNING,
            facts.name,
            f"its driver {driver} cannot create VFs through sysfs (it has no sriov_configure)",
            _ENOENT,
            evidence,
            f"Bind the card's own PF driver, or create the VFs by this driver's own means.{hints}",
        )


def _examine_link(facts: PfFacts, level: Level) -> Iterator[Finding]:
    pf = facts.pf
    if pf.driver is None or pf.driver is UNKNOWN or not facts.driver.configures:
        return
    if pf.interfaces is UNKNOWN:
        return
    if not pf.interfaces:
        yield Finding(
            Code.PF_NO_INTERFACE,
            level,
            facts.name,
            "it has no network interface here, which a network of VFs needs, and through which "
            "a VF's MAC address and VLAN are set",
            f"The PF device for VF {pf.address} has no network device name, cannot get virtual "
            "function info",
            (Reading(f"{_path(facts)}/net", "empty"),),
            "Bring the interface back into the host's network namespace, or bind the PF's "
            "network driver",
        )
    for interface in pf.interfaces:
        if interface.infiniband:
            yield _infiniband(facts, interface)
        if interface.up is False:
            yield _down(facts, interface, level)


def _infiniband(facts: PfFacts, interface: NetInterface) -> Finding:
    return Finding(
        Code.PF_INFINIBAND,
        Level.WARNING,
        facts.name,
        f"{interface.name} is InfiniBand, not Ethernet: libvirt can set neither a MAC address nor "
        "a VLAN for its VFs, so that none can be attached as an interface or from a network",
        f"Cannot set interface MAC to 52:54:00:00:00:01 for ifname {interface.name} vf 0: "
        "Operation not supported",
        (Reading(f"/sys/class/net/{interface.name}/type", str(interface.hardware)),),
        "Give its VFs to guests as plain <hostdev>: portside pool attach --as hostdev, without "
        "--mac and --vlan; or set the port to Ethernet (LINK_TYPE of mlxconfig or mstconfig)",
    )


def _down(facts: PfFacts, interface: NetInterface, level: Level) -> Finding:
    evidence = (
        Reading(f"/sys/class/net/{interface.name}/flags", "not up (IFF_UP)"),
        Reading(f"/sys/class/net/{interface.name}/operstate", _word(interface.operstate)),
    )
    remedy = (
        f"ip link set {interface.name} up; and in the host's network configuration, so that it "
        "persists across reboots"
    )
    if facts.driver.needs_pf_up and not facts.vfs:
        return Finding(
            Code.PF_DOWN_NO_VFS,
            level,
            facts.name,
            f"it is down, and its driver {facts.pf.driver} creates VFs only while it is up",
            "",
            evidence,
            remedy,
        )
    return Finding(
        Code.PF_DOWN,
        level,
        facts.name,
        "it is down: libvirt cannot attach its VFs to a guest as interfaces",
        _NOT_ONLINE.format(0, interface.name),
        evidence,
        remedy,
    )


def _fine(facts: PfFacts) -> Finding:
    total = "?" if facts.pf.totalvfs is UNKNOWN else str(facts.pf.totalvfs)
    text = f"{len(facts.vfs)} of {total} VFs, driver {_word(facts.pf.driver)}"
    evidence = (
        Reading(_path(facts), f"{len(facts.vfs)} virtfn links"),
        *_total(facts),
        Reading(f"{_path(facts)}/driver", _word(facts.pf.driver)),
    )
    return Finding(Code.PF, Level.OK, facts.name, text, evidence=evidence)


def _total(facts: PfFacts) -> Iterator[Reading]:
    yield Reading(f"{_path(facts)}/sriov_totalvfs", _word(facts.pf.totalvfs))


def _path(facts: PfFacts) -> str:
    return f"{_DEVICES}/{facts.pf.address}"


def _word(value: object) -> str:
    return "cannot be read" if value is UNKNOWN else str(value)
