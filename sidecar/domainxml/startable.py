# SPDX-License-Identifier: Apache-2.0
"""A domain that any machine can start, on the same ports as the one it stands for.

The demo and the tests start domains of VMs whose disks, taps and VFs are elsewhere. What
matters is that every port that is taken stays taken, at the same address.
"""

from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.document import alias_of

_KEPT = {"controller", "emulator", "input", "memballoon", "rng", "video", "watchdog"}
"""Devices that QEMU can have on any machine."""
_NIC_PARTS = {"mac", "model", "teaming", "alias", "address"}
_OUTSIDE = {"hostdev"}
"""Kinds of interfaces that are a device of the host."""


@dataclass(frozen=True, slots=True)
class Startable:
    """A domain to start, and what had to be changed for it, in plain sentences."""

    domain: bytes
    changes: tuple[str, ...]


def make_startable(domain: bytes, name: str, disk: str) -> Startable:
    """Adapt a domain as libvirt reads it back.

    64 MiB of memory, one emulated CPU, no consoles. Disks get an empty file; taps become
    QEMU's own user network; whatever else takes a PCI address and cannot exist here is
    replaced by a virtio RNG at the same address.

    Args:
        domain: libvirt's inactive XML, with all addresses.
        name: the new domain's name.
        disk: path of an empty raw file, shared by all disks, read-only.
    """
    old = etree.fromstring(domain, etree.XMLParser(resolve_entities=False, no_network=True))
    new = etree.Element("domain", type="qemu")
    etree.SubElement(new, "name").text = name
    etree.SubElement(new, "memory", unit="MiB").text = "64"
    new.append(_operating_system(old))
    if old.find("features/acpi") is not None:
        etree.SubElement(etree.SubElement(new, "features"), "acpi")
    devices = etree.SubElement(new, "devices")
    changes = ["CPU and memory: one emulated CPU and 64 MiB"]
    for device in old.iterfind("devices/*"):
        adapted, change = _adapt(device, disk)
        if adapted is not None:
            devices.append(adapted)
        if change:
            changes.append(change)
    return Startable(etree.tostring(new, pretty_print=True), tuple(dict.fromkeys(changes)))


def _operating_system(old: etree._Element) -> etree._Element:
    kind = old.find("os/type")
    os = etree.Element("os")
    copy = etree.SubElement(os, "type")
    copy.text = "hvm"
    if kind is not None:
        copy.set("arch", kind.get("arch", "x86_64"))
        copy.set("machine", kind.get("machine", "q35"))
    return os


def _adapt(device: etree._Element, disk: str) -> tuple[etree._Element | None, str]:
    """Return what to put in the device's place, and a sentence if that is something else."""
    tag = str(device.tag)
    if tag in _KEPT:
        return device, ""
    if tag == "interface" and _has_tap(device):
        return _user_nic(device), "taps of the pod: QEMU's user network"
    if tag == "disk" and _is_virtio(device):
        return _empty_disk(device, disk), "disks: an empty file"
    address = device.find("address[@type='pci']")
    if address is None:
        return None, ""
    rng = etree.Element("rng", model="virtio")
    etree.SubElement(rng, "backend", model="random").text = "/dev/urandom"
    rng.append(address)
    return rng, f"{_name(device)}: not on this machine; a virtio RNG keeps its port occupied"


def _has_tap(interface: etree._Element) -> bool:
    teaming = interface.find("teaming")
    transient = teaming is not None and teaming.get("type") == "transient"
    return interface.get("type") not in _OUTSIDE and not transient


def _user_nic(interface: etree._Element) -> etree._Element:
    nic = etree.Element("interface", type="user")
    nic.extend(child for child in list(interface) if child.tag in _NIC_PARTS)
    return nic


def _is_virtio(disk: etree._Element) -> bool:
    target = disk.find("target")
    return target is not None and target.get("bus") == "virtio"


def _empty_disk(disk: etree._Element, path: str) -> etree._Element:
    empty = etree.Element("disk", type="file", device="disk")
    if disk.get("model"):
        empty.set("model", disk.get("model", ""))
    etree.SubElement(empty, "driver", name="qemu", type="raw")
    etree.SubElement(empty, "source", file=path)
    empty.extend(child for child in list(disk) if child.tag in {"target", "address"})
    etree.SubElement(empty, "readonly")
    etree.SubElement(empty, "shareable")
    return empty


def _name(device: etree._Element) -> str:
    return f"<{device.tag}> {alias_of(device)}".rstrip()


def count_root_ports(domain: bytes) -> int:
    """Count the ``pcie-root-port`` controllers of a domain."""
    root = etree.fromstring(domain, etree.XMLParser(resolve_entities=False, no_network=True))
    return len(root.findall("devices/controller[@model='pcie-root-port']"))
