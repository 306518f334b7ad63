# SPDX-License-Identifier: Apache-2.0
"""Which of this host's PCI devices libvirt's domains have."""

from typing import Any, Final

from sidecar.domainxml.host_devices import read_guest_devices
from sidecar.errors import HostError, RequestError
from sidecar.model.guest import GuestDevice
from sidecar.virt.connection import Libvirt

_STATES: Final = (
    "no state",
    "running",
    "idle",
    "paused",
    "in shutdown",
    "shut off",
    "crashed",
    "pmsuspended",
)
"""virsh's words, in the order of ``virDomainState``."""


def read_guests(libvirt: Libvirt) -> tuple[GuestDevice, ...]:
    """List the host's PCI devices in all domains: what they have now, and what they will have.

    Raises:
        HostError: libvirt does not answer, or tells a domain that cannot be read: then nobody
            knows which devices are in use.
    """
    with libvirt.errors("list its domains"):
        domains = libvirt.connection.listAllDomains()
    return tuple(device for domain in domains for device in _read_domain(libvirt, domain))


def name_state(number: int) -> str:
    """Return virsh's word for a domain's state."""
    return _STATES[number] if number < len(_STATES) else f"state {number}"


def _read_domain(libvirt: Libvirt, domain: Any) -> tuple[GuestDevice, ...]:  # noqa: ANN401 -- libvirt-python has no types
    binding = libvirt.binding
    name = domain.name()
    try:
        state = name_state(domain.state()[0])
        live, persistent = bool(domain.isActive()), bool(domain.isPersistent())
        found: list[GuestDevice] = []
        if live:
            found += read_guest_devices(domain.XMLDesc(0).encode(), state, live=True)
        if persistent:
            text = domain.XMLDesc(binding.VIR_DOMAIN_XML_INACTIVE)
            found += read_guest_devices(text.encode(), state, live=False)
    except binding.libvirtError as error:
        if error.get_error_code() == binding.VIR_ERR_NO_DOMAIN:
            # It ended since it was listed, and has nothing any more.
            return ()
        with libvirt.errors(f"read domain {name}"):
            raise
    except RequestError as error:
        raise HostError(
            "libvirt's XML of a domain cannot be read",
            where=f"{libvirt.name}, domain {name}",
            found=str(error),
        ) from error
    return tuple(found)
