# SPDX-License-Identifier: Apache-2.0
"""A domain whose devices come and go: what ``virsh attach-device`` and its sibling do."""

import time
from collections.abc import Callable
from typing import Any, Final

from sidecar.model.missing import no_domain
from sidecar.virt.connection import Libvirt

_POLL_SECONDS: Final = 0.1
_ON_ITS_WAY: Final = "in the process of unplug"
"""QEMU's word (``qdev-monitor.c``) when the guest was asked before and has not answered yet."""


class Domain:
    """A domain of libvirt; every refusal is a HostError with libvirt's own words."""

    def __init__(self, libvirt: Libvirt, handle: Any) -> None:  # noqa: ANN401 -- libvirt-python has no types
        self._libvirt = libvirt
        self._handle = handle
        self.name: str = handle.name()
        self.uuid: str = handle.UUIDString()

    @property
    def active(self) -> bool:
        """Whether it runs or is paused; one that libvirt forgot does neither."""
        binding = self._libvirt.binding
        with self._libvirt.errors(f"ask for domain {self.name}"):
            try:
                return bool(self._handle.isActive())
            except binding.libvirtError as error:
                if error.get_error_code() == binding.VIR_ERR_NO_DOMAIN:
                    return False
                raise

    @property
    def persistent(self) -> bool:
        """Whether it has a configuration that outlives it."""
        with self._libvirt.errors(f"ask for domain {self.name}"):
            return bool(self._handle.isPersistent())

    def xml(self, *, live: bool) -> bytes:
        """Return the XML of the running domain, or of its configuration."""
        flags = 0 if live else self._libvirt.binding.VIR_DOMAIN_XML_INACTIVE
        with self._libvirt.errors(f"read domain {self.name}"):
            text: str = self._handle.XMLDesc(flags)
        return text.encode()

    def attach(self, device: bytes, *, live: bool, config: bool) -> None:
        """Attach a device to the running domain, its configuration, or both."""
        with self._libvirt.errors(f"attach the VF to domain {self.name}"):
            self._handle.attachDeviceFlags(device.decode(), self._flags(live=live, config=config))

    def detach(self, device: bytes, *, live: bool) -> None:
        """Detach a device; a running guest is only asked, and may take its time."""
        with self._libvirt.errors(f"detach the VF from domain {self.name}"):
            flags = self._flags(live=live, config=not live)
            try:
                self._handle.detachDeviceFlags(device.decode(), flags)
            except self._libvirt.binding.libvirtError as error:
                if _ON_ITS_WAY not in (error.get_error_message() or ""):
                    raise

    def wait(self, gone: Callable[[bytes], bool], seconds: float) -> bool:
        """Wait until the running domain's XML says that a device is gone; tell whether it did.

        Args:
            gone: judges the XML.
            seconds: how long at most.
        """
        deadline = time.monotonic() + seconds
        while self.active and not gone(self.xml(live=True)):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _flags(self, *, live: bool, config: bool) -> int:
        binding = self._libvirt.binding
        flags: int = binding.VIR_DOMAIN_AFFECT_LIVE if live else 0
        return flags | (binding.VIR_DOMAIN_AFFECT_CONFIG if config else 0)


def find_domain(libvirt: Libvirt, name: str) -> Domain | None:
    """Return the domain of a name or UUID, ``None`` if there is none.

    Raises:
        HostError: libvirt does not answer.
    """
    binding = libvirt.binding
    with libvirt.errors(f"look for domain {name}"):
        for look_up in (libvirt.connection.lookupByName, libvirt.connection.lookupByUUIDString):
            try:
                return Domain(libvirt, look_up(name))
            except binding.libvirtError as error:
                missing = {binding.VIR_ERR_NO_DOMAIN, binding.VIR_ERR_INVALID_ARG}
                if error.get_error_code() not in missing:
                    raise
    return None


def need_domain(libvirt: Libvirt, name: str) -> Domain:
    """Return the domain of a name or UUID.

    Raises:
        HostError: there is none, or libvirt does not answer.
    """
    domain = find_domain(libvirt, name)
    if domain is None:
        raise no_domain(name, libvirt.name)
    return domain
