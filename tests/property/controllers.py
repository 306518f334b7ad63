# SPDX-License-Identifier: Apache-2.0
"""Strategies for the PCI controllers of a domain, and domains that have only some addresses."""

from random import Random
from xml.etree import ElementTree as ET

from hypothesis import strategies as st


@st.composite
def express_controllers(draw: st.DrawFn, *, holes: bool = True) -> list[str]:
    """PCIe controllers as people write them: holes, unpluggable ports, switches, expanders."""
    if draw(st.booleans()):
        return []
    found = []
    index = 0
    for _ in range(draw(st.integers(0, 8))):
        index += draw(st.sampled_from((1, 1, 1, 2, 4) if holes else (1,)))
        off = draw(st.sampled_from(("", "", "", "<target hotplug='off'/>")))
        found.append(
            f"<controller type='pci' index='{index}' model='pcie-root-port'>{off}</controller>"
        )
    if draw(st.integers(0, 3)) == 0:
        index += 1
        found.append(f"<controller type='pci' index='{index}' model='pcie-to-pci-bridge'/>")
    if draw(st.integers(0, 4)) == 0:
        up = index + 1
        found.append(f"<controller type='pci' index='{up}' model='pcie-switch-upstream-port'/>")
        index = up
        for _ in range(draw(st.integers(1, 3))):
            index += 1
            found.append(
                f"<controller type='pci' index='{index}' model='pcie-switch-downstream-port'/>"
            )
    if draw(st.integers(0, 4)) == 0:
        index += 1
        bus = index
        found.append(
            f"<controller type='pci' index='{bus}' model='pcie-expander-bus'>"
            "<target busNr='180'/></controller>"
        )
        for slot in range(draw(st.integers(0, 2))):
            index += 1
            found.append(
                f"<controller type='pci' index='{index}' model='pcie-root-port'>"
                f"<address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' "
                "function='0x0'/></controller>"
            )
    return found


def without_some_addresses(xml: str, random: Random, *, nics_only: bool) -> str:
    """Take addresses off libvirt's XML: of all NICs, or of a random half of the devices."""
    domain = ET.fromstring(xml)
    devices = domain.find("devices")
    if devices is None:
        return xml
    for device in devices:
        address = device.find("address")
        if address is None or address.get("type") != "pci":
            continue
        is_nic = device.tag == "interface" and device.get("type") == "ethernet"
        if is_nic if nics_only else random.random() < 0.5:
            device.remove(address)
            target = device.find("target")
            if device.get("model") == "pcie-root-port" and random.random() < 0.3:
                if target is None:
                    target = ET.SubElement(device, "target")
                target.attrib.clear()
                target.set("hotplug", "off")
    return ET.tostring(domain, encoding="unicode")
