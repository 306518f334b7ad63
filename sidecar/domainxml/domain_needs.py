# SPDX-License-Identifier: Apache-2.0
"""What a domain needs of its host for VFs to work, and what stands in its own way."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.address import describe
from sidecar.domainxml.addressing.classify import model_of
from sidecar.domainxml.document import child_of, devices_named, parse_domain
from sidecar.domainxml.host_devices import read_mac
from sidecar.domainxml.reservation.placeholders import is_placeholder
from sidecar.domainxml.topology import read_topology
from sidecar.domainxml.vfs import host_address
from sidecar.errors import CapacityError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.ports import PortCount


@dataclass(frozen=True, slots=True)
class NeededDevice:
    """An interface or PCI hostdev of the domain.

    Args:
        where: what errors call it.
        tag: ``interface`` or ``hostdev``.
        address: the PCI device of the host that it names, if it does.
        network: the network that it names, empty for none.
        managed: whether libvirt takes the device from its driver by itself.
        model: of an interface, ``None`` if the domain does not say.
        mac: of an interface.
        alias: its own.
        team: ``persistent``, ``transient`` or empty.
        partner: the alias that a transient one names.
    """

    where: str
    tag: str
    address: PciAddress | None = None
    network: str = ""
    managed: bool = True
    model: str | None = None
    mac: MacAddress | None = None
    alias: str = ""
    team: str = ""
    partner: str = ""

    @property
    def emulated(self) -> bool:
        """Whether QEMU emulates it: it is no device of the host."""
        return self.tag == "interface" and self.address is None


@dataclass(frozen=True, slots=True)
class DomainNeeds:
    """A domain.

    Args:
        name: of the domain.
        uuid: of the domain, empty if the XML has none.
        devices: interfaces and PCI hostdevs, in document order.
        ports: PCIe ports or conventional slots, once every device has its place; ``None`` if
            the buses cannot hold the devices.
        problem: why they cannot, empty if they can.
    """

    name: str
    uuid: str
    devices: tuple[NeededDevice, ...]
    ports: PortCount | None
    problem: str = ""

    def wants(self, network: str) -> int:
        """Count the interfaces that name a network."""
        return sum(device.network == network for device in self.devices)


def read_needs(xml: bytes) -> DomainNeeds:
    """Read a domain's needs.

    Raises:
        RequestError: the domain makes no sense.
    """
    root = parse_domain(xml)
    ports, problem = None, ""
    try:
        ports = read_topology(xml).ports
    except CapacityError as error:
        problem = str(error)
    return DomainNeeds(
        root.findtext("name") or "", root.findtext("uuid") or "", _devices(root), ports, problem
    )


def count_networks(xml: bytes) -> Mapping[str, int]:
    """Count the interfaces of a domain by the network that they name.

    Raises:
        RequestError: the domain makes no sense.
    """
    interfaces = devices_named(parse_domain(xml), "interface")
    return Counter(name for one in interfaces if (name := _network(one)))


def _devices(root: etree._Element) -> tuple[NeededDevice, ...]:
    return tuple(
        _device(element)
        for element in devices_named(root, "interface", "hostdev")
        if not is_placeholder(element)
        and (element.tag == "interface" or element.get("type") == "pci")
    )


def _device(element: etree._Element) -> NeededDevice:
    teaming = child_of(element, "teaming")
    interface = element.tag == "interface"
    return NeededDevice(
        where=describe(element),
        tag=str(element.tag),
        address=host_address(element),
        network=_network(element),
        managed=element.get("managed", "no") == "yes",
        model=model_of(element) if interface else None,
        mac=read_mac(element) if interface else None,
        alias=_alias(element),
        team="" if teaming is None else teaming.get("type", ""),
        partner="" if teaming is None else teaming.get("persistent", ""),
    )


def _alias(element: etree._Element) -> str:
    node = child_of(element, "alias")
    return "" if node is None else node.get("name", "")


def _network(element: etree._Element) -> str:
    source = child_of(element, "source") if element.get("type") == "network" else None
    return "" if source is None else source.get("network", "")
