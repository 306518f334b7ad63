# SPDX-License-Identifier: Apache-2.0
"""Is there VFIO, and may QEMU open its files?"""

from collections.abc import Iterator
from typing import Final

from sidecar.doctor.rules.facts import HOST
from sidecar.doctor.rules.finding import Code, Finding, Level, or_fine
from sidecar.model.host_facts import DeviceNode, Reading, VfioFacts

_CONTAINER: Final = "/dev/vfio/vfio"
_DENIED: Final = "failed to open {}: Permission denied"
_BOTH: Final = 0o6
"""QEMU opens a file of VFIO for reading and writing."""


def examine_vfio(facts: VfioFacts) -> Iterator[Finding]:
    """Say whether guests get their devices from VFIO."""
    text = (
        "vfio-pci is available"
        if facts.loaded
        else "VFIO is available; vfio-pci is loaded when needed"
    )
    evidence = (*_ownership(facts), *(_describe(node) for node in facts.nodes))
    fine = Finding(Code.VFIO, Level.OK, HOST, f"{text}; QEMU may open its files", evidence=evidence)
    return or_fine(_examine(facts), fine)


def _examine(facts: VfioFacts) -> Iterator[Finding]:
    yield from _examine_module(facts)
    yield from _examine_nodes(facts)
    yield from _examine_profiles(facts)


def _examine_module(facts: VfioFacts) -> Iterator[Finding]:
    """Look for VFIO as libvirt does (``virHostdevHostSupportsPassthroughVFIO``): by its file.

    libvirt loads vfio-pci by itself, but not before it has seen that file, which udev makes
    at boot on most hosts.
    """
    if facts.loaded or facts.available is not False:
        if all(node.path != _CONTAINER for node in facts.nodes):
            yield Finding(
                Code.VFIO_NOT_LOADED,
                Level.FAILS,
                HOST,
                f"there is no {_CONTAINER}, so libvirt assumes a host without VFIO",
                "host doesn't support passthrough of host PCI devices",
                (Reading(_CONTAINER, "does not exist"),),
                "modprobe vfio-pci; and a line vfio-pci in /etc/modules-load.d/vfio.conf, so "
                "that it persists across reboots",
            )
        return
    yield Finding(
        Code.VFIO_MISSING,
        Level.FAILS,
        HOST,
        f"the running kernel {facts.release} has no vfio-pci",
        "Failed to load PCI driver module vfio-pci: modprobe: FATAL: Module vfio-pci not found "
        f"in directory /lib/modules/{facts.release}",
        (
            Reading("/sys/bus/pci/drivers/vfio-pci", "does not exist"),
            Reading(f"/lib/modules/{facts.release}/modules.dep", "no vfio-pci"),
        ),
        "Install the kernel's full set of modules; if the kernel package was upgraded, boot the "
        "new kernel",
    )


def _examine_nodes(facts: VfioFacts) -> Iterator[Finding]:
    """Look at the files as QEMU's user will find them.

    ``/dev/vfio/vfio`` is never handed over. A group's file is, with dynamic ownership;
    without it, a file that is still to be made gets what udev's rules say, else root's 0600.
    """
    groups = [node for node in facts.nodes if node.path != _CONTAINER]
    for node in facts.nodes:
        shut = node.path == _CONTAINER or not facts.dynamic_ownership
        if shut and not _may_open(facts, node):
            yield _denied(facts, node.path, (_describe(node),))
    if not facts.dynamic_ownership and not groups and not facts.rules and facts.user.uid:
        nothing = Reading("udev's rules", 'none with SUBSYSTEM=="vfio"')
        yield _denied(facts, "/dev/vfio/N", (nothing,))


def _denied(facts: VfioFacts, path: str, found: tuple[Reading, ...]) -> Finding:
    name = facts.user.name
    if path == _CONTAINER:
        remedy = f"chmod 0666 {_CONTAINER}, as udev's default rule does"
    else:
        remedy = (
            "Set dynamic_ownership = 1 in /etc/libvirt/qemu.conf and restart libvirt; or a rule "
            'for udev: SUBSYSTEM=="vfio", OWNER="' + name + '", MODE="0600"'
        )
    return Finding(
        Code.VFIO_PERMISSION,
        Level.FAILS,
        path,
        f"user {name}, which libvirt runs QEMU as, may not open it",
        _DENIED.format(path),
        (*found, *_ownership(facts)),
        remedy,
    )


def _may_open(facts: VfioFacts, node: DeviceNode) -> bool:
    """Decide as the kernel does: the first class that fits counts, and no other."""
    if facts.user.uid is None:
        return True  # nobody to decide for; libvirt will say so itself
    if facts.user.uid == node.uid:
        bits = node.mode >> 6
    elif node.gid in facts.user.gids:
        bits = node.mode >> 3
    else:
        bits = node.mode
    return bits & _BOTH == _BOTH


def _examine_profiles(facts: VfioFacts) -> Iterator[Finding]:
    if not facts.confined or not facts.profiles:
        return
    lines = [line for found in facts.profiles.values() for line in found]
    denied = any(line.startswith("deny ") for line in lines)
    if lines and not denied:
        return
    path = next(iter(facts.profiles))
    what = "denies" if denied else "does not know"
    yield Finding(
        Code.VFIO_APPARMOR,
        Level.FAILS if denied else Level.WARNING,
        HOST,
        f"AppArmor's profile of libvirt's guests {what} /dev/vfio: "
        + (
            "no guest can use a VF"
            if denied
            else "a guest started without a VF cannot get one later"
        ),
        _DENIED.format(_CONTAINER),
        tuple(
            Reading(file, "; ".join(found) or "no line on /dev/vfio")
            for file, found in facts.profiles.items()
        ),
        f"Add the line '/dev/vfio/* rw,' to {path} (or to its file in local/), and reload it: "
        "systemctl reload apparmor",
    )


def _ownership(facts: VfioFacts) -> Iterator[Reading]:
    yield facts.conf
    if facts.user.uid is not None:
        yield Reading("/etc/passwd", f"{facts.user.name} is {facts.user.uid}")
    yield from facts.rules


def _describe(node: DeviceNode) -> Reading:
    return Reading(node.path, f"owner {node.uid}, group {node.gid}, mode {node.mode:04o}")
