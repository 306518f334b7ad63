# SPDX-License-Identifier: Apache-2.0
"""libvirt's test driver with what it lacks: devices that come to a domain and go.

The domains, their states and their XML are the driver's own. A running domain that gets a device
is ended and started with it, and its configuration defined again; what happens to the host's VF
meanwhile says the test.
"""

from collections.abc import Callable
from typing import Any

from lxml import etree

from sidecar.virt.connection import Libvirt

LIVE, CONFIG = 1, 2

Handle = Any
"""libvirt-python has no types."""


class Guests:
    """How the domains of a libvirt behave; may be changed at any time.

    Attributes:
        refuses: libvirt's word for every attach and live detach, empty for none.
        late: whether the device is in the domain all the same.
        stubborn: whether a running guest lets go of no device.
        attached: called with the device that a running domain gets; returns what it really gets.
        detached: called with the device that a running domain gave back.
    """

    def __init__(self) -> None:
        self.refuses = ""
        self.late = False
        self.stubborn = False
        self.attached: Callable[[etree._Element], etree._Element] = lambda device: device
        self.detached: Callable[[etree._Element], None] = lambda _: None

    def wrap(self, libvirt: Libvirt) -> Libvirt:
        """Return the same libvirt with domains that take devices."""
        connection = _Connection(libvirt.connection, libvirt.binding, self)
        return Libvirt(libvirt.binding, connection, libvirt.name)


class _Connection:
    def __init__(self, real: Handle, binding: Handle, guests: Guests) -> None:
        self._real, self._binding, self._guests = real, binding, guests

    def __getattr__(self, name: str) -> Handle:
        return getattr(self._real, name)

    def lookupByName(self, name: str) -> "_Domain":  # noqa: N802 - libvirt's name
        return _Domain(self._real.lookupByName(name), self._real, self._binding, self._guests)

    def lookupByUUIDString(self, uuid: str) -> "_Domain":  # noqa: N802 - libvirt's name
        return _Domain(self._real.lookupByUUIDString(uuid), self._real, self._binding, self._guests)


class _Domain:
    def __init__(self, real: Handle, connection: Handle, binding: Handle, guests: Guests) -> None:
        self._real, self._connection = real, connection
        self._binding, self._guests = binding, guests

    def __getattr__(self, name: str) -> Handle:
        return getattr(self._real, name)

    def attachDeviceFlags(self, xml: str, flags: int) -> None:  # noqa: N802 - libvirt's name
        guests = self._guests
        if not guests.refuses or guests.late:
            if flags & CONFIG:
                self._change(CONFIG, lambda devices: devices.append(etree.fromstring(xml)))
            if flags & LIVE:
                device = guests.attached(etree.fromstring(xml))
                self._change(LIVE, lambda devices: devices.append(device))
        self._refuse()

    def detachDeviceFlags(self, xml: str, flags: int) -> None:  # noqa: N802 - libvirt's name
        live = bool(flags & LIVE)
        if live:
            self._refuse()
        if live and self._guests.stubborn:
            return
        alias = _alias(etree.fromstring(xml))
        gone: list[etree._Element] = []

        def take(devices: etree._Element) -> None:
            gone.extend(one for one in devices if _alias(one) == alias)
            for one in gone:
                devices.remove(one)

        self._change(flags, take)
        if live:
            for one in gone:
                self._guests.detached(one)

    def _refuse(self) -> None:
        if self._guests.refuses:
            raise self._binding.libvirtError(self._guests.refuses)

    def _change(self, state: int, act: Callable[[etree._Element], object]) -> None:
        inactive = self._binding.VIR_DOMAIN_XML_INACTIVE
        config = self._real.XMLDesc(inactive)
        root = etree.fromstring(config if state == CONFIG else self._real.XMLDesc(0))
        devices = root.find("devices")
        assert devices is not None
        act(devices)
        changed = etree.tostring(root).decode()
        if state == LIVE:
            self._real.destroy()
            self._connection.defineXML(changed).create()
            changed = config
        self._real = self._connection.defineXML(changed)


def _alias(device: etree._Element) -> str:
    alias = device.find("alias")
    return "" if alias is None else alias.get("name", "")
