# SPDX-License-Identifier: Apache-2.0
"""A domain's configuration as a whole: what ``virsh edit`` reads and writes."""

from dataclasses import dataclass
from typing import Any

from sidecar.errors import HostError
from sidecar.virt.connection import Libvirt
from sidecar.virt.devices import need_domain


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a domain starts with next.

    Args:
        name: of the domain.
        active: whether it runs now, with what it started with.
        xml: for people: without secrets.
        secret_xml: to be written back: with them.
    """

    name: str
    active: bool
    xml: bytes
    secret_xml: bytes


def read_configuration(libvirt: Libvirt, name: str) -> Configuration:
    """Read the configuration of a domain.

    Args:
        libvirt: whose domain it is.
        name: name or UUID.

    Raises:
        HostError: no such domain, it has no configuration (a transient one, which
            ends with its guest), or libvirt does not answer.
    """
    domain = need_domain(libvirt, name)
    if not domain.persistent:
        raise HostError(
            "the domain is transient and has no configuration to change",
            where=f"{libvirt.name}, domain {domain.name}",
            todo="Change the XML that it is created from: portside ports FILE",
        )
    flags = libvirt.binding.VIR_DOMAIN_XML_INACTIVE
    secure = flags | libvirt.binding.VIR_DOMAIN_XML_SECURE
    return Configuration(
        domain.name,
        domain.active,
        domain.xml(live=False),
        _read(libvirt, domain.uuid, secure),
    )


def write_configuration(libvirt: Libvirt, name: str, xml: bytes) -> None:
    """Replace the configuration of a domain; one that runs is not touched.

    Raises:
        HostError: libvirt refuses the XML; then the old configuration stays.
    """
    with libvirt.errors(f"change the configuration of domain {name}"):
        libvirt.connection.defineXMLFlags(xml.decode(), libvirt.binding.VIR_DOMAIN_DEFINE_VALIDATE)


def _read(libvirt: Libvirt, uuid: str, flags: Any) -> bytes:  # noqa: ANN401 -- libvirt-python has no types
    with libvirt.errors("read the domain's configuration"):
        text: str = libvirt.connection.lookupByUUIDString(uuid).XMLDesc(flags)
    return text.encode()
