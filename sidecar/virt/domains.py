# SPDX-License-Identifier: Apache-2.0
"""The XML of libvirt's domains."""

from dataclasses import dataclass
from typing import Any

from sidecar.virt.connection import Libvirt


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of libvirt.

    Args:
        name: of the domain.
        active: whether it runs, paused included.
        xml: as it is now if it runs, else as it will start.
    """

    name: str
    active: bool
    xml: bytes


def read_domains(libvirt: Libvirt) -> tuple[Domain, ...]:
    """Return all domains, running or defined, by name.

    Raises:
        HostError: libvirt does not answer.
    """
    with libvirt.errors("list its domains"):
        handles = libvirt.connection.listAllDomains()
    found = [domain for handle in handles if (domain := _read(libvirt, handle)) is not None]
    return tuple(sorted(found, key=lambda domain: domain.name))


def _read(libvirt: Libvirt, handle: Any) -> Domain | None:  # noqa: ANN401 -- libvirt-python has no types
    binding = libvirt.binding
    try:
        active = bool(handle.isActive())
        flags = 0 if active else binding.VIR_DOMAIN_XML_INACTIVE
        return Domain(handle.name(), active, handle.XMLDesc(flags).encode())
    except binding.libvirtError as error:
        if error.get_error_code() == binding.VIR_ERR_NO_DOMAIN:
            # A transient one that ended since it was listed.
            return None
        with libvirt.errors(f"read domain {handle.name()}"):
            raise
