# SPDX-License-Identifier: Apache-2.0
"""Ports of virtio-serial controllers: each channel and virtio console takes one.

Source: libvirt ``src/conf/domain_conf.c`` (``virDomainDefMaybeAddVirtioSerialController``) and
``src/conf/domain_addr.c`` (``virDomainVirtioSerialAddrNext``).
"""

from collections.abc import Iterator

from lxml import etree

from sidecar.domainxml.address import describe, parse_decimal
from sidecar.domainxml.document import child_of, devices_named
from sidecar.errors import RequestError

_TYPE = "virtio-serial"
_DEFAULT_PORTS = 31
"""Of a controller that does not say (``VIR_DOMAIN_DEFAULT_VIRTIO_SERIAL_PORTS``)."""
_MAX_PORTS = 1 << 16
_MAX_INDEX = (1 << 31) - 1
"""Highest controller that libvirt adds: it searches by a signed number."""


class SerialPorts:
    """The channels and consoles of a domain, and the controllers that they need.

    Args:
        domain: the domain.
        known: the controllers that there are, by type and index; looked at again by
            ``overflow``, when those of ``named`` are among them.
    """

    def __init__(self, domain: etree._Element, known: dict[tuple[str, int], str | None]) -> None:
        self._known = known
        self._channels = _virtio(domain, "channel")
        self._consoles = _virtio(domain, "console")
        self._sizes = {
            _number(one, "index"): _number(one, "ports", _DEFAULT_PORTS)
            for one in devices_named(domain, "controller")
            if one.get("type") == _TYPE
        }

    def named(self) -> Iterator[int]:
        """Yield the controller that each channel, then each console names, or 0."""
        for element in (*self._channels, *self._consoles):
            yield _address(element)[0] or 0

    def overflow(self) -> Iterator[int]:
        """Yield each further controller, for devices that find no free port."""
        ports = {index: set[int]() for kind, index in sorted(self._known) if kind == _TYPE}
        for element in (*self._channels, *self._consoles):
            controller, port = _address(element)
            if controller is not None and port:
                ports.setdefault(controller, set()).add(port)
        # Ports are never given back, so a controller that is full once is left behind; and
        # consoles, which may have port 0 too, are the first to look.
        still_open = sorted(ports)
        for element in (*self._consoles, *self._channels):
            controller, port = _address(element)
            if controller is not None:
                # One that names its controller finds its port there, or is refused.
                if not port:
                    ports[controller].add(_free(ports[controller], 1, _MAX_PORTS) or 0)
                continue
            first = 0 if element.tag == "console" else 1
            if not self._take(ports, still_open, first):
                index = next(i for i in range(len(ports) + 1) if i not in ports)
                ports[index] = {first}
                still_open.append(index)
                yield index

    def _take(self, ports: dict[int, set[int]], still_open: list[int], first: int) -> bool:
        """Take the first free port of a controller that is there; tell whether there is one."""
        while still_open:
            index = still_open[0]
            port = _free(ports[index], first, self._sizes.get(index, _DEFAULT_PORTS))
            if port is not None:
                ports[index].add(port)
                return True
            del still_open[0]
        return False


def _free(taken: set[int], first: int, size: int) -> int | None:
    return next((port for port in range(first, size) if port not in taken), None)


def _virtio(domain: etree._Element, tag: str) -> list[etree._Element]:
    found = []
    for element in devices_named(domain, tag):
        target = child_of(element, "target")
        if target is not None and target.get("type") == "virtio":
            found.append(element)
    return found


def _address(element: etree._Element) -> tuple[int | None, int]:
    """Read controller and port; the controller is None where there is no address."""
    address = child_of(element, "address")
    if address is None:
        return None, 0
    controller = parse_decimal(address.get("controller", "0"), element, "controller")
    if controller > _MAX_INDEX:
        raise RequestError(
            "no such virtio-serial controller",
            where=describe(element),
            found=str(controller),
            expected=f"0 to {_MAX_INDEX}",
        )
    return controller, parse_decimal(address.get("port", "0"), element, "port")


def _number(controller: etree._Element, name: str, default: int = 0) -> int:
    text = controller.get(name)
    return default if text is None else parse_decimal(text, controller, name)
