# SPDX-License-Identifier: Apache-2.0
"""Devices that a board places itself: Q35's and the PIIX3's.

Source: libvirt ``src/qemu/qemu_domain_address.c``
(``qemuDomainValidateDevicePCISlotsQ35``, ``...PIIX3``).
"""

from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import BusSet, Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import Device, Inventory
from sidecar.domainxml.addressing.machine import Chipset

_SATA = Place(0, 0x1F, 2)
_Q35_FIXED = (Place(0, 0x1F, 0), Place(0, 0x1F, 3))
_PIIX3_IDE = Place(0, 1, 1)
_PIIX3_USB = Place(0, 1, 2)
_PIIX3_FIXED = (Place(0, 1, 0), Place(0, 1, 3))
_PIIX3_USB_MODELS = {None, "piix3-uhci"}

Places = dict[Device | PciController, Place]


def is_reserved_place(owner: Device) -> bool:
    """Whether the address belongs to the PIIX3, whose functions are taken as a whole."""
    if owner.index or not owner.kind.startswith("controller"):
        return False
    return (owner.kind == "controller-ide" and owner.place == _PIIX3_IDE) or (
        owner.kind == "controller-usb"
        and owner.place == _PIIX3_USB
        and owner.model in _PIIX3_USB_MODELS
    )


def place_integrated(inventory: Inventory, buses: BusSet, places: Places) -> None:
    """Take the addresses of integrated devices, and tell them in ``places``."""
    if inventory.machine.chipset is Chipset.Q35:
        _place_q35(inventory, buses, places)
    elif inventory.machine.chipset is Chipset.I440FX:
        _place_piix3(inventory, buses, places)


def _place_q35(inventory: Inventory, buses: BusSet, places: Places) -> None:
    for device in inventory.devices:
        if not device.wanted:
            continue
        if device.kind == "controller-sata" and device.index == 0:
            places[device] = _SATA
        elif device.model == "ich9-uhci1" and device.kind == "controller-usb":
            _prefer(device, (Place(0, 0x1D), Place(0, 0x1A)), buses, places)
    for controller in inventory.controllers:
        if controller.model == "dmi-to-pci-bridge" and controller.place is None:
            _prefer(controller, (Place(0, 0x1E),), buses, places)
    for place in _Q35_FIXED:
        buses.occupy(place, connect.PCIE)
    _place_video(inventory, Place(0, 1), buses, places)
    for device in inventory.devices:
        if device.kind == "sound" and device.model == "ich9" and device.wanted:
            _prefer(device, (Place(0, 0x1B),), buses, places)
            break


def _place_piix3(inventory: Inventory, buses: BusSet, places: Places) -> None:
    for device in inventory.devices:
        if device.index:
            continue
        if device.kind == "controller-ide":
            places[device] = _PIIX3_IDE
        elif device.kind == "controller-usb" and device.model in _PIIX3_USB_MODELS:
            places[device] = _PIIX3_USB
    for place in (*_PIIX3_FIXED, _PIIX3_IDE, _PIIX3_USB):
        buses.occupy(place, connect.PCI)
    _place_video(inventory, Place(0, 2), buses, places)


def _place_video(inventory: Inventory, place: Place, buses: BusSet, places: Places) -> None:
    video = next((d for d in inventory.devices if d.kind == "video"), None)
    if video is None or not video.wanted:
        return
    if not _prefer(video, (place,), buses, places):
        places[video] = buses.assign(video.flags)


def _prefer(
    owner: Device | PciController, candidates: tuple[Place, ...], buses: BusSet, places: Places
) -> bool:
    """Take the first of the slots that is empty; tell whether there was one."""
    for place in candidates:
        if not buses.buses[0].taken.get(place.slot):
            buses.occupy(place, connect.PCIE)
            places[owner] = place
            return True
    return False
