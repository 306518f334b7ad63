# SPDX-License-Identifier: Apache-2.0
"""Small domains for pictures, and recorded ones."""

from sidecar.domainxml.topology import PortState, Topology, read_topology
from tests.support import RECORDINGS


def recorded(boot: str, name: str) -> Topology:
    return read_topology((RECORDINGS / boot / f"{name}.xml").read_bytes())


def written(*devices: str, machine: str = "q35", arch: str = "x86_64") -> bytes:
    return (
        f"<domain type='qemu'><name>vm</name><os><type arch='{arch}' machine='{machine}'>hvm"
        f"</type></os><features><acpi/></features><devices>{''.join(devices)}"
        "<memballoon model='none'/>"
        "<controller type='usb' model='none'/></devices></domain>"
    ).encode()


def nic(name: str, more: str = "") -> str:
    return (
        f"<interface type='ethernet'><mac address='52:54:00:00:00:01'/><model type='virtio'/>"
        f"<alias name='ua-{name}'/>{more}</interface>"
    )


def address(bus: int, slot: int = 0, function: int = 0) -> str:
    return f"<address type='pci' bus='{bus}' slot='{slot}' function='{function}'/>"


def port(index: int, more: str = "", model: str = "pcie-root-port") -> str:
    return f"<controller type='pci' index='{index}' model='{model}'>{more}</controller>"


def states(topology: Topology) -> dict[int, PortState]:
    return {bus.index: bus.port for bus in topology.buses if bus.port}
