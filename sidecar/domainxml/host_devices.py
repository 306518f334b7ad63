# SPDX-License-Identifier: Apache-2.0
"""Which PCI devices of the host a domain has, by its XML."""

from collections.abc import Iterator

from lxml import etree

from sidecar.domainxml.address import read_host_address
from sidecar.domainxml.document import child_of, devices_named, parse_domain
from sidecar.errors import RequestError
from sidecar.model.guest import GuestDevice
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress


def read_guest_devices(xml: bytes, state: str, *, live: bool) -> tuple[GuestDevice, ...]:
    """List a domain's host devices, in document order.

    In the XML of a running domain libvirt shows an interface of a hostdev network as the
    ``<interface type='hostdev'>`` that it became. A disk can be a PCI device too (NVMe).

    Args:
        xml: the domain's.
        state: of the domain, for the result.
        live: whether this is the XML of the running domain.

    Raises:
        RequestError: the XML makes no sense.
    """
    root = parse_domain(xml)
    name, uuid = root.findtext("name") or "", root.findtext("uuid") or ""
    return tuple(
        GuestDevice(name, uuid, state, live, address, _alias(element), read_mac(element))
        for element, address in _host_devices(root)
    )


def read_mac(element: etree._Element) -> MacAddress | None:
    """Return a device's MAC address; ``None`` if it has none, or one that is none."""
    node = child_of(element, "mac")
    try:
        return None if node is None else MacAddress.parse(node.get("address", ""))
    except RequestError:
        return None


def _host_devices(root: etree._Element) -> Iterator[tuple[etree._Element, PciAddress]]:
    for element in devices_named(root, "hostdev", "interface", "disk"):
        node = element.find("source/address")
        if node is not None and node.get("type", "pci") == "pci" and _of_host(element):
            yield element, read_host_address(node, element)


def _of_host(element: etree._Element) -> bool:
    """Tell a PCI device of the host from USB and SCSI ones, whose addresses look alike."""
    wanted = {"hostdev": "pci", "interface": "hostdev", "disk": "nvme"}
    return element.get("type") == wanted[str(element.tag)]


def _alias(element: etree._Element) -> str:
    node = child_of(element, "alias")
    return "" if node is None else node.get("name", "")
