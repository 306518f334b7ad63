# SPDX-License-Identifier: Apache-2.0
"""A connection to libvirt: the embedded driver, or any URI."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from types import ModuleType
from typing import Any

from sidecar.errors import HostError
from sidecar.virt.binding import load_binding
from sidecar.virt.embedded import embedded_uri

EMBEDDED = "embedded libvirt"
"""What errors call it; the path of its root tells nobody anything."""
_FIRST = Lock()
"""What is made once per process is made by one thread."""


class Libvirt:
    """An open connection; every libvirt error leaves it as a HostError."""

    def __init__(self, binding: ModuleType, connection: Any, name: str) -> None:  # noqa: ANN401 -- libvirt-python has no types
        """Wrap a connection; ``name`` stands for it in errors."""
        self._binding = binding
        self._connection = connection
        self._name = name

    @property
    def binding(self) -> ModuleType:
        """The Python binding of libvirt: its flags and error codes."""
        return self._binding

    @property
    def connection(self) -> Any:  # noqa: ANN401 -- libvirt-python has no types
        """The binding's connection, for the modules beside this one; use ``errors`` around it."""
        return self._connection

    @property
    def name(self) -> str:
        """What errors call this libvirt."""
        return self._name

    @property
    def version(self) -> str:
        """Return libvirt's version on the far side, like ``9.0.0``."""
        with self.errors("get libvirt's version"):
            return format_version(self._connection.getLibVersion())

    def domains(self) -> tuple[str, ...]:
        """Return the names of all domains, running or defined."""
        with self.errors("list its domains"):
            return tuple(sorted(domain.name() for domain in self._connection.listAllDomains()))

    def define_and_dump(self, xml: bytes) -> bytes:
        """Define a domain, return libvirt's inactive XML of it, and undefine it again.

        The XML's name and UUID must be nobody else's: a domain of that name and UUID
        would be redefined and then undefined.

        Raises:
            HostError: libvirt refused the domain; its own message is in the error.
        """
        with self.errors("define the domain"):
            domain = self._connection.defineXMLFlags(xml.decode(), 0)
        try:
            with self.errors("read the domain back"):
                text: str = domain.XMLDesc(self._binding.VIR_DOMAIN_XML_INACTIVE)
        finally:
            self._undefine(domain)
        return text.encode()

    def _undefine(self, domain: Any) -> None:  # noqa: ANN401 -- libvirt-python has no types
        with self.errors("undefine the domain"):
            # Keep: a caller's domain may name the NVRAM file of a real VM. Only the QEMU
            # driver knows such files, and the flag.
            qemu = self._connection.getType() == "QEMU"
            domain.undefineFlags(self._binding.VIR_DOMAIN_UNDEFINE_KEEP_NVRAM if qemu else 0)

    @contextmanager
    def errors(self, action: str) -> Iterator[None]:
        """Translate libvirt's exceptions: ``cannot <action>; found <libvirt's message>``."""
        try:
            yield
        except self._binding.libvirtError as error:
            raise HostError(
                f"libvirt cannot {action}",
                where=self._name,
                found=error.get_error_message() or str(error),
            ) from error

    @contextmanager
    def start_paused(self, xml: bytes) -> Iterator["RunningDomain"]:
        """Start a transient domain, paused, and destroy it at the end of the block.

        Raises:
            HostError: libvirt or QEMU refused it.
        """
        with self.errors("start the domain"):
            domain = self._connection.createXML(xml.decode(), self._binding.VIR_DOMAIN_START_PAUSED)
        try:
            yield RunningDomain(self, domain)
        finally:
            with self.errors("stop the domain"):
                domain.destroy()


class RunningDomain:
    """A domain whose QEMU is running."""

    def __init__(self, libvirt: Libvirt, domain: Any) -> None:  # noqa: ANN401 -- libvirt-python has no types
        """Wrap a started domain."""
        self._libvirt = libvirt
        self._domain = domain

    def attach(self, device: bytes) -> None:
        """Hot-plug a device.

        Raises:
            HostError: libvirt or QEMU refused it; ``found`` is libvirt's own message.
        """
        with self._libvirt.errors("attach the device"):
            self._domain.attachDevice(device.decode())

    def dump(self) -> bytes:
        """Return the live XML."""
        with self._libvirt.errors("read the running domain"):
            text: str = self._domain.XMLDesc(0)
        return text.encode()

    def monitor(self, command: str) -> str:
        """Run a command of QEMU's human monitor: what QEMU itself knows, not libvirt."""
        # The QEMU driver's own API lives in a module of its own.
        import libvirt_qemu  # noqa: PLC0415 -- as in binding.py

        with self._libvirt.errors(f"run {command!r} in QEMU's monitor"):
            text: str = libvirt_qemu.qemuMonitorCommand(
                self._domain, command, libvirt_qemu.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP
            )
        return text


@contextmanager
def open_libvirt(uri: str | None = None) -> Iterator[Libvirt]:
    """Open a libvirt and close it at the end of the block.

    Args:
        uri: any libvirt URI; None is the embedded driver on a private root, as whoever
            runs this process: no daemon, no socket, and gone with the process.

    Raises:
        HostError: there is no libvirt binding, or the connection cannot be opened.
    """
    with _FIRST:
        binding = load_binding()
        name = uri or embedded_uri(binding)
    try:
        connection = binding.open(name)
    except binding.libvirtError as error:
        raise HostError(
            "cannot open libvirt",
            where=uri or EMBEDDED,
            found=error.get_error_message() or str(error),
            expected="libvirt's QEMU driver (Debian: libvirt-daemon-driver-qemu) and a QEMU",
        ) from error
    try:
        yield Libvirt(binding, connection, uri or EMBEDDED)
    finally:
        connection.close()


def format_version(number: int) -> str:
    """Turn libvirt's packed version into text: 9000000 is ``9.0.0``."""
    major, rest = divmod(number, 1_000_000)
    minor, patch = divmod(rest, 1000)
    return f"{major}.{minor}.{patch}"
