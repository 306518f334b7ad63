# SPDX-License-Identifier: Apache-2.0
"""What a domain needs of its host for VFs to work, and what stands in its own way."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.address import describe
from sidecar.domainxml.addressing.classify import model_of
from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import count_ports, lay_out
from sidecar.domainxml.addressing.machine import read_machine
from sidecar.domainxml.document import alias_of, child_of, devices_named, parse_domain
from sidecar.domainxml.host_devices import read_mac
from sidecar.domainxml.reservation.placeholders import is_placeholder
from sidecar.domainxml.vfs import host_address
from sidecar.errors import CapacityError
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.ports import MachineFamily, PortCount


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
        source: the host's network interface that a ``direct`` interface sits on, empty for none.
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
    source: str = ""

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
        ports = _count_ports(root)
    except CapacityError as error:
        problem = str(error)
    return DomainNeeds(
        root.findtext("name") or "", root.findtext("uuid") or "", _devices(root), ports, problem
    )


def _count_ports(root: etree._Element) -> PortCount:
    """Count the ports of a domain as it would boot.

    Raises:
        CapacityError: the buses cannot hold the devices.
    """
    family = read_machine(root).family
    if family in {MachineFamily.CCW, MachineFamily.NONE}:
        return PortCount(family, 0, 0)
    return count_ports(lay_out(take_inventory(root)))


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
        alias=alias_of(element),
        team="" if teaming is None else teaming.get("type", ""),
        partner="" if teaming is None else teaming.get("persistent", ""),
        source=_source(element),
    )


def _source(element: etree._Element) -> str:
    direct = element.tag == "interface" and element.get("type") == "direct"
    source = child_of(element, "source") if direct else None
    return "" if source is None else source.get("dev", "")


def _network(element: etree._Element) -> str:
    source = child_of(element, "source") if element.get("type") == "network" else None
    return "" if source is None else source.get("network", "")
