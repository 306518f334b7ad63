# SPDX-License-Identifier: Apache-2.0
"""PCI devices of ``<qemu:commandline>``, which libvirt passes on and knows nothing of.

Source: QEMU ``softmmu/vl.c``, ``util/keyval.c`` and ``qemu-option.c`` (both forms of
``-device``), ``hw/pci/pci.c`` (``do_pci_register_device``: a device without an address takes
the first slot of its bus whose function 0 is free), ``hw/core/qdev-properties-system.c``
(``set_pci_devfn``).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.reservation.qemu_models import takes_no_address
from sidecar.model.digits import is_number

NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"

_ROOTS = {"pci.0", "pcie.0", "pci", "pcie"}
_CONTROLLER = re.compile(r"(?:pci|pcie)\.([0-9]{1,3})")
_ADDRESS = re.compile(r"\s*(?:0[xX])?([0-9a-fA-F]{1,2})(?:\.([0-7]))?")
_BY_BOARD = {"nic": "", "net": "nic", "readconfig": "", "usb": "", "vga": ""}
"""Options whose devices the board places, or that only QEMU reads; with how the value begins."""
_LONGEST = 40
"""Characters of a model's name that errors quote."""
_MACHINE = {"machine", "M"}


@dataclass(frozen=True, slots=True)
class CommandLineDevice:
    """A PCI device of the command line.

    Args:
        model: QEMU's name of it.
        bus: index of the PCI controller that libvirt knows its bus by.
        place: its address, None if QEMU chooses one.
    """

    model: str
    bus: int
    place: Place | None

    def __str__(self) -> str:
        """Name it for errors and notes."""
        return f"{self.model} at {self.place}" if self.place else f"{self.model} without an address"


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What ``<qemu:commandline>`` adds.

    Args:
        devices: PCI devices on buses that libvirt knows, in order.
        unknown: options after which nobody can tell the PCI devices.
        machine: the value of ``-machine``, empty if it does not name a type.
    """

    devices: tuple[CommandLineDevice, ...] = ()
    unknown: tuple[str, ...] = ()
    machine: str = ""

    @property
    def on_root(self) -> list[CommandLineDevice]:
        """Those on bus 0."""
        return [device for device in self.devices if not device.bus]


@dataclass(slots=True)
class _Reader:
    """Takes in one option after the other."""

    aliases: dict[str, int]
    devices: list[CommandLineDevice] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    machine: str = ""

    def read(self, option: str, value: str) -> None:
        if option == "device":
            self._device(_properties(value))
        elif option == "drive" and "if=virtio" in value.split(","):
            self._device({"driver": "virtio-blk-pci"})
        elif option in _MACHINE:
            named = _properties(value, first="type").get("type", "")
            self.machine = named if isinstance(named, str) else ""
        elif option in _BY_BOARD and value.startswith(_BY_BOARD[option]) and value != "none":
            self.unknown.append(f"-{option}")

    def _device(self, properties: dict[str, object]) -> None:
        model = properties.get("driver")
        if not isinstance(model, str) or not model or takes_no_address(model):
            return
        bus = self._bus(properties.get("bus"))
        if bus is None:
            return
        address = _read_address(properties.get("addr"))
        place = None if address is None else Place(bus, *address)
        if place is None and bus:
            place = Place(bus, 0)
        self.devices.append(CommandLineDevice(model[:_LONGEST], bus, place))

    def _bus(self, name: object) -> int | None:
        """Return the index of the bus; None for one that the command line itself brings."""
        if name is None or name in _ROOTS:
            return 0
        if not isinstance(name, str):
            return None
        found = _CONTROLLER.fullmatch(name)
        return int(found[1]) if found else self.aliases.get(name)


def read_command_line(domain: etree._Element) -> CommandLine:
    """Read the options that matter; what QEMU would refuse is passed over."""
    values = [
        argument.get("value", "")
        for argument in domain.iterfind(f"{{{NAMESPACE}}}commandline/{{{NAMESPACE}}}arg")
    ]
    if not values:
        return CommandLine()
    reader = _Reader(_controller_aliases(domain))
    for option, value in _options(values):
        reader.read(option, value)
    return CommandLine(tuple(reader.devices), tuple(reader.unknown), reader.machine)


def _options(values: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each option without its dashes, and what follows it unless that is an option too."""
    for position, text in enumerate(values):
        if text.startswith("-") and text != "-":
            following = values[position + 1] if position + 1 < len(values) else ""
            value = "" if following.startswith("-") else following
            yield text.removeprefix("-").removeprefix("-"), value


def _controller_aliases(domain: etree._Element) -> dict[str, int]:
    return {
        alias.get("name", ""): int(index)
        for controller in domain.iterfind("devices/controller[@type='pci']")
        if is_number(index := controller.get("index", ""))
        for alias in controller.iterchildren("alias")
    }


def _properties(value: str, first: str = "driver") -> dict[str, object]:
    """Read ``driver,key=value,...`` (a comma in a value is doubled) or JSON."""
    if value.lstrip().startswith("{"):
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}
    properties: dict[str, object] = {}
    for number, part in enumerate(re.split(r"(?<!,),(?!,)", value)):
        key, equals, text = part.partition("=")
        if not equals:
            key, text = (first, part) if number == 0 else (part, "on")
        properties[key] = text.replace(",,", ",")
    return properties


def _read_address(address: object) -> tuple[int, int] | None:
    """Read ``slot[.function]`` in hexadecimal digits, or a number that holds both."""
    if isinstance(address, int) and not isinstance(address, bool):
        return (address >> 3, address & 7) if 0 <= address <= 0xFF else None  # noqa: PLR2004 - devfn
    found = _ADDRESS.fullmatch(address) if isinstance(address, str) else None
    return None if found is None else (int(found[1], 16), int(found[2] or "0"))
