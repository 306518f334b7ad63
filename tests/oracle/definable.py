# SPDX-License-Identifier: Apache-2.0
"""Recorded domains, so that each of the libvirts at hand defines them.

KubeVirt's own libvirt is newer than they are, and swtpm is not everywhere. What is exchanged
takes the same PCI addresses, or none.
"""

from lxml import etree

from tests.oracle.oracle import Oracle


def make_definable(xml: bytes) -> bytes:
    """Exchange what older libvirts refuse."""
    root = etree.fromstring(xml)
    for memory in root.findall("maxMemory"):
        root.remove(memory)
    for devices in root.iterfind("devices"):
        for tpm in devices.findall("tpm"):
            devices.remove(tpm)
        for interface in devices.iterfind("interface[@type='vhostuser']"):
            interface.set("type", "ethernet")
            for child in list(interface.iterchildren("source", "backend", "portForward")):
                interface.remove(child)
    return etree.tostring(root)


def define(oracle: Oracle, xml: bytes) -> bytes:
    """Return libvirt's inactive XML of a domain that came from KubeVirt."""
    return oracle.define(make_definable(xml).decode()).encode()
