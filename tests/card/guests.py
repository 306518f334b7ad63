# SPDX-License-Identifier: Apache-2.0
"""Domains and pools inside the card's VM, for tests of what goes from one to the other."""

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

from tests.card.card import FORK, Card
from tests.card.sysfs import shell

STANDBY_MAC = "52:54:00:00:00:01"
# Before its first domain libvirt probes QEMU, which on a busy machine takes more than a minute.
PROBE_SECONDS = 300.0

POOL = """\
<network><name>{name}</name>
<forward mode='hostdev' managed='yes'><pf dev='{pf}'/></forward>{more}</network>
"""
# Paused and without a disk: QEMU itself takes and gives the VF, no guest is needed. With
# QEMU's ACPI hot-plug a guest must let go of a device; with PCIe's own, a port that no guest
# has switched on gives it back at once (QEMU, hw/pci/pcie.c).
DOMAIN = """\
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
<name>{name}</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os><devices>
<controller type='usb' model='none'/><memballoon model='none'/>
{ports}
<interface type='user'><mac address='{mac}'/><model type='virtio'/><alias name='ua-net0'/>
<teaming type='persistent'/></interface></devices>
<qemu:commandline><qemu:arg value='-global'/>
<qemu:arg value='ICH9-LPC.acpi-pci-hotplug-with-bridge-support={acpi}'/></qemu:commandline>
</domain>
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str


def run_all(card: Card, *commands: str) -> list[Result]:
    """Run commands in one round trip to the guest; words are parted by blanks."""
    words = json.dumps([command.split() for command in commands])
    told = json.loads(card.run(*FORK, "--all", words, seconds=300))
    return [Result(**one) for one in told]


def must(card: Card, *commands: str) -> list[str]:
    """Run commands that must succeed; return their outputs."""
    results = run_all(card, *commands)
    for command, result in zip(commands, results, strict=True):
        assert result.code == 0, f"{command}: {result}"
    return [result.out for result in results]


def define_pool(card: Card, name: str, pf: str, more: str = "") -> None:
    """Define and start a hostdev network."""
    xml = POOL.format(name=name, pf=pf, more=more)
    script = 'printf %s "$1" >/tmp/net.xml; virsh -q net-define /tmp/net.xml; virsh net-start "$2"'
    shell(card, f"set -e; {script}", xml, name)


def start_domain(card: Card, name: str, ports: int, *, acpi: bool = False) -> None:
    """Define a domain with so many root ports, one of them taken, and start it paused."""
    controllers = [
        f"<controller type='pci' index='{number}' model='pcie-root-port'/>"
        for number in range(1, ports + 1)
    ]
    xml = DOMAIN.format(
        name=name, ports="".join(controllers), mac=STANDBY_MAC, acpi="on" if acpi else "off"
    )
    script = 'printf %s "$1" >/tmp/vm.xml; virsh -q define /tmp/vm.xml; virsh start --paused "$2"'
    card.run("sh", "-c", f"set -e; {script}", "sh", xml, name, seconds=PROBE_SECONDS)


def forget_all(card: Card) -> None:
    """Leave no domain, pool, lease or record, whatever a test did."""
    shell(
        card,
        "for vm in $(virsh list --name); do virsh destroy $vm; done;"
        "for vm in $(virsh list --all --name); do virsh undefine $vm; done;"
        "for net in $(virsh net-list --name); do virsh net-destroy $net; done;"
        "for net in $(virsh net-list --all --name); do virsh net-undefine $net; done;"
        "rm -rf /var/lib/portside",
    )


def vf_devices(card: Card, domain: str, *options: str) -> list[ET.Element]:
    """Return a domain's VFs, as libvirt shows them."""
    devices = ET.fromstring(card.run("virsh", "dumpxml", domain, *options)).find("devices")
    assert devices is not None
    return [
        device
        for device in devices
        if device.tag == "hostdev"
        or (device.tag == "interface" and device.attrib["type"] in {"hostdev", "network"})
    ]


def vf_settings(card: Card, pf_name: str) -> list[dict[str, Any]]:
    """Return what iproute2 says of a PF's VFs."""
    (link,) = json.loads(card.run("ip", "-j", "-d", "link", "show", pf_name))
    found: list[dict[str, Any]] = link["vfinfo_list"]
    return found


def leases(card: Card) -> dict[int, tuple[str, str]]:
    """Return state and holder of each VF that has a record, from the files that people read."""
    text = shell(
        card, "for f in $(find /var/lib/portside -name 'vf-*.json'); do cat $f; echo ,; done"
    )
    records = json.loads(f"[{text.rstrip().rstrip(',')}]")
    return {
        one["index"]: (one["state"], one["holder"]["name"] if one["holder"] else "")
        for one in records
    }
