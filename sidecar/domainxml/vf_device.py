# SPDX-License-Identifier: Apache-2.0
"""A VF among a domain's devices, looked for in order to detach it."""

from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from sidecar.domainxml.document import child_of, devices_named, parse_domain
from sidecar.domainxml.host_devices import read_mac
from sidecar.domainxml.vfs import host_address
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which VF is meant: by one of these, the others are ``None``."""

    alias: str | None = None
    mac: MacAddress | None = None
    vf: PciAddress | None = None

    def __str__(self) -> str:
        if self.alias is not None:
            return f"alias {self.alias}"
        return f"MAC address {self.mac}" if self.mac is not None else f"VF {self.vf}"


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """A VF in a domain's XML; ``vf`` is ``None`` if libvirt will choose it at the start."""

    xml: bytes
    alias: str
    vf: PciAddress | None


def find_devices(domain: bytes, wanted: Wanted, pools: Collection[str]) -> tuple[FoundDevice, ...]:
    """List the devices that are meant.

    Args:
        domain: the domain's XML.
        wanted: which device.
        pools: networks that hand out VFs: an interface of another is none, and may well have
            the VF's MAC address, as the persistent half of its team.

    Raises:
        RequestError: the XML makes no sense.
    """
    return tuple(
        FoundDevice(etree.tostring(element, encoding="UTF-8", with_tail=False), alias, vf)
        for element in devices_named(parse_domain(domain), "hostdev", "interface")
        if (vf := host_address(element)) is not None or _network(element) in pools
        if _is_meant(wanted, alias := _alias(element), read_mac(element), vf)
    )


def _is_meant(wanted: Wanted, alias: str, mac: MacAddress | None, vf: PciAddress | None) -> bool:
    if wanted.alias is not None:
        return alias == wanted.alias
    return mac == wanted.mac if wanted.mac is not None else vf == wanted.vf


def _network(element: etree._Element) -> str | None:
    source = child_of(element, "source")
    wants = element.tag == "interface" and element.get("type") == "network"
    return source.get("network") if wants and source is not None else None


def _alias(element: etree._Element) -> str:
    node = child_of(element, "alias")
    return "" if node is None else node.get("name", "")
