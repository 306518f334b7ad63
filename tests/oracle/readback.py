# SPDX-License-Identifier: Apache-2.0
"""What libvirt's own XML says of ports and addresses, read without any code of ours."""

from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree as ET

PORTS = {"pcie-root-port", "pcie-switch-downstream-port"}
Address = tuple[int, int, int]


@dataclass
class ReadBack:
    """``ports``: index -> can be plugged. ``devices``: an address for each device."""

    ports: dict[int, bool]
    devices: dict[str, Address]
    controllers: dict[int, tuple[str, Address | None]]

    @property
    def free(self) -> int:
        """Empty ports that can be plugged."""
        return sum(can for index, can in self.ports.items() if index not in self.occupied)

    @property
    def unpluggable(self) -> int:
        """Empty ports that cannot be plugged."""
        return sum(not can for index, can in self.ports.items() if index not in self.occupied)

    @property
    def occupied(self) -> set[int]:
        """Buses with something on them."""
        places = [place for _, place in self.controllers.values() if place]
        return {place[0] for place in (*self.devices.values(), *places)}

    @property
    def free_slots(self) -> int:
        """Free conventional slots that can be plugged, on machines without PCIe."""
        taken = {(bus, slot) for bus, slot, _ in self.devices.values()}
        taken |= {place[:2] for _, place in self.controllers.values() if place}
        buses = [i for i, (m, _) in self.controllers.items() if m in {"pci-root", "pci-bridge"}]
        free = sum((bus, slot) not in taken for bus in buses for slot in range(1, 32))
        return free - ((0, 1) not in taken)  # the PIIX3's ISA bridge is in no XML


def read_back(xml: str) -> ReadBack:
    """Read libvirt's XML; each device is named by kind and what tells it from its like."""
    result = ReadBack({}, {}, {})
    count: Counter[str] = Counter()
    devices = ET.fromstring(xml).find("devices")
    assert devices is not None
    for device in devices:
        node = device.find("address")
        place = None
        if node is not None and node.get("type") == "pci":
            bus, slot, function = (int(node.get(p, "0"), 0) for p in ("bus", "slot", "function"))
            place = bus, slot, function
        if device.tag == "controller" and device.get("type") == "pci":
            index, model = int(device.get("index", "-1")), device.get("model", "")
            result.controllers[index] = (model, place)
            target = device.find("target")
            if model in PORTS:
                result.ports[index] = target is None or target.get("hotplug") != "off"
        elif place is not None:
            key = f"{device.tag} {device.get('type', '')} {_name(device)}"
            count[key] += 1
            result.devices[f"{key} #{count[key]}"] = place
    return result


def _name(device: ET.Element) -> str:
    for path, attribute in (("alias", "name"), ("target", "dev"), ("mac", "address")):
        node = device.find(path)
        if node is not None and node.get(attribute):
            return str(node.get(attribute))
    return f"{device.get('model', '')} {device.get('index', '')}"
