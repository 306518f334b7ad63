# SPDX-License-Identifier: Apache-2.0
"""libvirt's networks, by name: what ``virsh net-*`` does."""

from dataclasses import dataclass
from typing import Any

from sidecar.domainxml.network import read_identity, with_uuid
from sidecar.errors import HostError
from sidecar.virt.connection import Libvirt


@dataclass(frozen=True, slots=True)
class Network:
    """A network of libvirt.

    Args:
        name: of the network.
        uuid: as libvirt prints it.
        active: whether it is started.
        persistent: whether it stays defined when it is stopped.
        autostart: whether libvirt starts it with itself.
    """

    name: str
    uuid: str
    active: bool
    persistent: bool
    autostart: bool


class Networks:
    """The networks of one libvirt; every refusal is a HostError with libvirt's own words."""

    def __init__(self, libvirt: Libvirt) -> None:
        self._libvirt = libvirt

    def list(self) -> tuple[Network, ...]:
        """Return all networks, started or defined, by name."""
        with self._libvirt.errors("list its networks"):
            found = [_describe(network) for network in self._libvirt.connection.listAllNetworks()]
        return tuple(sorted(found, key=lambda network: network.name))

    def find(self, name: str) -> Network | None:
        """Return a network, ``None`` if there is none of that name."""
        with self._libvirt.errors(f"look for network {name}"):
            handle = self._look_up(name)
            return None if handle is None else _describe(handle)

    def is_active(self, name: str) -> bool:
        """Whether there is such a network, and it is started."""
        found = self.find(name)
        return found is not None and found.active

    def define(self, xml: bytes) -> Network:
        """Define a network, or define it anew if there is one of its name.

        An active network keeps what it was started with until it is stopped.

        Raises:
            HostError: libvirt refused it; or the XML has a UUID, and the network of that name
                has another.
            RequestError: the XML has no name.
        """
        name, uuid = read_identity(xml)
        with self._libvirt.errors(f"define network {name}"):
            known = None if uuid else self._look_up(name)
            if known is not None:
                # libvirt would make up a UUID, and then refuse it for not being this one.
                xml = with_uuid(xml, known.UUIDString())
            return _describe(self._libvirt.connection.networkDefineXML(xml.decode("utf-8-sig")))

    def undefine(self, name: str) -> None:
        """Undefine a network; an active one becomes transient."""
        with self._libvirt.errors(f"undefine network {name}"):
            self._need(name).undefine()

    def start(self, name: str) -> None:
        """Start a network that is defined and not active."""
        with self._libvirt.errors(f"start network {name}"):
            self._need(name).create()

    def destroy(self, name: str) -> None:
        """Stop an active network; libvirt does not look whether somebody uses it."""
        with self._libvirt.errors(f"stop network {name}"):
            self._need(name).destroy()

    def set_autostart(self, name: str, *, autostart: bool) -> None:
        """Let libvirt start the network with itself, or not."""
        with self._libvirt.errors(f"set whether network {name} starts by itself"):
            self._need(name).setAutostart(1 if autostart else 0)

    def xml(self, name: str, *, inactive: bool = False) -> bytes:
        """Return a network's XML.

        Args:
            name: of the network.
            inactive: as defined; else, of an active one, as it is now, with the VFs that it
                found.
        """
        with self._libvirt.errors(f"read network {name}"):
            network = self._need(name)
            # An inactive one has only its definition.
            both = inactive and network.isActive() and network.isPersistent()
            return self._describe(network, inactive=bool(both))

    def _describe(self, network: Any, *, inactive: bool) -> bytes:  # noqa: ANN401 -- libvirt-python has no types
        binding = self._libvirt.binding
        if inactive:
            try:
                defined: str = network.XMLDesc(binding.VIR_NETWORK_XML_INACTIVE)
                return defined.encode()
            except binding.libvirtError as error:
                # A driver without the flag (libvirt's test driver) has one XML of a network.
                if error.get_error_code() != binding.VIR_ERR_INVALID_ARG:
                    raise
        text: str = network.XMLDesc(0)
        return text.encode()

    def _look_up(self, name: str) -> Any | None:  # noqa: ANN401 -- libvirt-python has no types
        binding = self._libvirt.binding
        try:
            return self._libvirt.connection.networkLookupByName(name)
        except binding.libvirtError as error:
            if error.get_error_code() == binding.VIR_ERR_NO_NETWORK:
                return None
            raise

    def _need(self, name: str) -> Any:  # noqa: ANN401 -- libvirt-python has no types
        handle = self._look_up(name)
        if handle is None:
            raise HostError(
                "no such network",
                where=f"{self._libvirt.name}, network {name}",
                todo="virsh net-list --all shows all networks",
            )
        return handle


def _describe(network: Any) -> Network:  # noqa: ANN401 -- libvirt-python has no types
    persistent = bool(network.isPersistent())
    return Network(
        name=network.name(),
        uuid=network.UUIDString(),
        active=bool(network.isActive()),
        persistent=persistent,
        # libvirt refuses the question for a transient network.
        autostart=persistent and bool(network.autostart()),
    )
