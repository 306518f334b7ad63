# SPDX-License-Identifier: Apache-2.0
"""The steps in which KubeVirt 1.9 rewrites a domain between two calls of the hook.

Each function is one step of ``allocateHotplugPorts`` and its helpers
(``pkg/virt-launcher/virtwrap/manager.go``, ``network/nichotplug.go``,
``pci/hotplug.go``), bytes to bytes. The order of the steps is the caller's.
"""

from lxml import etree

from sidecar.domainxml.kubevirt import ports as kubevirt_ports
from sidecar.domainxml.kubevirt.model import reread

PLACEHOLDER = "placeholder-"
"""What the names of KubeVirt's own placeholders begin with."""


def _parse(xml: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_blank_text=True, remove_comments=True
    )
    return etree.fromstring(xml, parser)


def _write(domain: etree._Element) -> bytes:
    etree.indent(domain, "\t")
    return etree.tostring(domain)


def _devices(domain: etree._Element) -> etree._Element:
    devices = domain.find("devices")
    return etree.SubElement(domain, "devices") if devices is None else devices


def read_by_kubevirt(domain: bytes) -> bytes:
    """Return what virt-launcher remembers of a domain: all that it models, in its own order."""
    return _write(reread(_parse(domain)))


def add_placeholders(domain: bytes, count: int, model: str) -> bytes:
    """Append KubeVirt's own placeholders (``AppendPlaceholderInterfacesToTheDomain``)."""
    root = _parse(domain)
    devices = _devices(root)
    interfaces = devices.findall("interface")
    position = devices.index(interfaces[-1]) + 1 if interfaces else 0
    for number in range(count):
        name = f"{PLACEHOLDER}{number}"
        interface = etree.Element("interface", type="ethernet")
        etree.SubElement(interface, "source")
        etree.SubElement(interface, "target", dev=name, managed="no")
        etree.SubElement(interface, "model", type=model)
        etree.SubElement(interface, "alias", name=name)
        devices.insert(position + number, interface)
    return _write(root)


def drop_placeholders(domain: bytes) -> bytes:
    """Remove KubeVirt's own placeholders, as if it had reserved nothing."""
    root = _parse(domain)
    for interface in root.findall("devices/interface"):
        target = interface.find("target")
        if target is not None and target.get("dev", "").startswith(PLACEHOLDER):
            _devices(root).remove(interface)
    return _write(root)


def take_devices(domain: bytes, read_back: bytes, *, keep_interfaces: bool) -> bytes:
    """Exchange a domain's devices for libvirt's read-back of them.

    Args:
        domain: keeps all that is not a device.
        read_back: libvirt's inactive XML.
        keep_interfaces: the interfaces stay those of ``domain``, without addresses
            (``WithNetworkIfacesResources``); else they too are libvirt's.
    """
    root, known = _parse(domain), reread(_parse(read_back))
    old, new = _devices(root), _devices(known)
    if keep_interfaces:
        position = 1 if new.find("emulator") is not None else 0
        for interface in new.findall("interface"):
            new.remove(interface)
        for number, interface in enumerate(old.findall("interface")):
            new.insert(position + number, interface)
    root.replace(old, new)
    return _write(root)


def count_extra_ports(domain: bytes, placeholders: int) -> int:
    """Count the root ports that KubeVirt appends (``calculateExtraControllerCount``).

    Args:
        domain: as the converter makes it.
        placeholders: how many KubeVirt adds to it for the first call.
    """
    return kubevirt_ports.count_extra_ports(_parse(domain), placeholders)


def add_root_ports(domain: bytes, count: int) -> bytes:
    """Append root ports behind the highest index (``appendPCIeRootPortControllers``)."""
    root = _parse(domain)
    devices = _devices(root)
    controllers = devices.findall("controller")
    used = [int(c.get("index", "0")) for c in controllers if c.get("type") == "pci"]
    first = max(used, default=0) + 1
    position = devices.index(controllers[-1]) + 1 if controllers else len(devices)
    for index in range(min(first + count, kubevirt_ports.MAX_INDEX + 1) - 1, first - 1, -1):
        port = etree.Element("controller", type="pci", index=str(index), model="pcie-root-port")
        devices.insert(position, port)
    return _write(root)


def lock_occupied_ports(domain: bytes) -> bytes:
    """Set ``hotplug='off'`` on occupied root ports (``DisableHotplugOnOccupiedRootPorts``).

    Only where the port carries ``target@busNr``, which libvirt does not print for root
    ports today; and never for the port of a NIC.
    """
    root = _parse(domain)
    devices = _devices(root)
    occupied = {
        int(address.get("bus", "0"), 16)
        for address in devices.iterfind("*/address[@type='pci']")
        if not _is_port_or_nic(address.getparent())
    }
    for target in devices.iterfind("controller[@model='pcie-root-port']/target[@busNr]"):
        if int(target.get("busNr", "0")) in occupied:
            target.set("hotplug", "off")
    return _write(root)


def _is_port_or_nic(element: etree._Element | None) -> bool:
    return element is None or element.tag == "interface" or element.get("model") == "pcie-root-port"
