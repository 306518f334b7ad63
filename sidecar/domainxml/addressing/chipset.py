# SPDX-License-Identifier: Apache-2.0
"""Devices that a board places itself: Q35's and the PIIX3's.

Their addresses are the board's: no other device can have them.

Source: libvirt ``src/qemu/qemu_domain_address.c``
(``qemuDomainValidateDevicePCISlotsQ35``, ``...PIIX3``).
"""

from sidecar.domainxml.address import describe
from sidecar.domainxml.addressing import connect
from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.controllers import PciController
from sidecar.domainxml.addressing.inventory import Device, Inventory
from sidecar.domainxml.addressing.machine import Chipset
from sidecar.domainxml.addressing.reserved import ReservedAddresses
from sidecar.domainxml.document import child_of
from sidecar.errors import RequestError

_SATA = Place(0, 0x1F, 2)
_PIIX3_IDE = Place(0, 1, 1)
_PIIX3_USB = Place(0, 1, 2)
_PIIX3_USB_MODELS = {None, "piix3-uhci"}

BUILT_IN = {
    Chipset.Q35: ((Place(0, 0x1F, 0), "ISA bridge"), (Place(0, 0x1F, 3), "SMBus")),
    Chipset.I440FX: ((Place(0, 1, 0), "ISA bridge"), (Place(0, 1, 3), "power management")),
}
"""What QEMU's boards bring along and no XML shows (``hw/i386/pc_q35.c``, ``pc_piix.c``)."""

Places = dict[Device | PciController, Place]


def is_piix3(owner: Device) -> bool:
    """Whether this is the IDE or USB controller of the PIIX3, at its own address."""
    return owner.place is not None and owner.place == _piix3_place(owner)


def place_integrated(inventory: Inventory, reserved: ReservedAddresses, places: Places) -> bool:
    """Take the addresses of integrated devices, and tell them in ``places``.

    Returns:
        whether the first video device has its usual slot, or no claim to it. Elsewhere libvirt
        sets its slot aside, but gives none while it only tries.

    Raises:
        RequestError: another device has such an address, or the device has another address.
    """
    if inventory.machine.chipset is Chipset.Q35:
        return _place_q35(inventory, reserved, places)
    if inventory.machine.chipset is Chipset.I440FX:
        return _place_piix3(inventory, reserved, places)
    return True


def reserve_sata(inventory: Inventory, reserved: ReservedAddresses) -> None:
    """Take the address of Q35's SATA controller, which libvirt does in its last pass.

    Raises:
        RequestError: another device has it.
    """
    for device in inventory.devices:
        if _is_first_sata(inventory, device) and device.wanted:
            reserved.reserve(_SATA, connect.PCIE, device)


def _is_first_sata(inventory: Inventory, device: Device) -> bool:
    q35 = inventory.machine.chipset is Chipset.Q35
    return q35 and device.kind == "controller-sata" and device.index == 0


def _place_q35(inventory: Inventory, reserved: ReservedAddresses, places: Places) -> bool:
    for device in inventory.devices:
        if _is_first_sata(inventory, device):
            _put(device, _SATA, places)
        elif _is_unplaced_uhci(device):
            _prefer(device, (Place(0, 0x1D), Place(0, 0x1A)), reserved, places)
    for controller in inventory.controllers:
        if controller.model == "dmi-to-pci-bridge" and _is_bare(controller):
            _prefer(controller, (Place(0, 0x1E),), reserved, places)
    _reserve_built_in(inventory, reserved)
    usual = _place_video(inventory, Place(0, 1), reserved, places)
    for device in inventory.devices:
        if device.kind == "sound" and device.model == "ich9" and device.wanted:
            _prefer(device, (Place(0, 0x1B),), reserved, places)
            break
    return usual


def _is_unplaced_uhci(device: Device) -> bool:
    usb = device.kind == "controller-usb" and device.model == "ich9-uhci1"
    return usb and device.wanted and _is_bare(device)


def _is_bare(owner: Device | PciController) -> bool:
    """Whether there is no ``<address>``, not even one that leaves the figures to libvirt."""
    return owner.element is None or child_of(owner.element, "address") is None


def _place_piix3(inventory: Inventory, reserved: ReservedAddresses, places: Places) -> bool:
    for device in inventory.devices:
        place = _piix3_place(device)
        if place is not None:
            _put(device, place, places)
            reserved.reserve(place, connect.CONVENTIONAL_DEVICE, device)
    _reserve_built_in(inventory, reserved)
    return _place_video(inventory, Place(0, 2), reserved, places)


def _piix3_place(device: Device) -> Place | None:
    if device.index:
        return None
    if device.kind == "controller-ide":
        return _PIIX3_IDE
    usb = device.kind == "controller-usb" and device.model in _PIIX3_USB_MODELS
    return _PIIX3_USB if usb else None


def _reserve_built_in(inventory: Inventory, reserved: ReservedAddresses) -> None:
    express = inventory.express
    for place, name in BUILT_IN[inventory.machine.chipset]:
        flags = connect.PCIE if express else connect.CONVENTIONAL_DEVICE
        reserved.reserve(place, flags, f"the board's {name}")


def _put(device: Device, place: Place, places: Places) -> None:
    if device.place not in {None, place}:
        where = device.kind if device.element is None else describe(device.element)
        raise RequestError(
            "the board has this controller at another PCI address",
            where=f"domain XML, {where}",
            found=str(device.place),
            expected=f"{place}, or no address",
        )
    places[device] = place


def _place_video(
    inventory: Inventory, place: Place, reserved: ReservedAddresses, places: Places
) -> bool:
    video = next((d for d in inventory.devices if d.kind == "video"), None)
    if video is None or not video.wanted or _prefer(video, (place,), reserved, places):
        return True
    places[video] = reserved.buses.assign(video.flags)
    return False


def _prefer(
    owner: Device | PciController,
    candidates: tuple[Place, ...],
    reserved: ReservedAddresses,
    places: Places,
) -> bool:
    """Take the first of the slots that is empty; tell whether there was one."""
    for place in candidates:
        if not reserved.buses.buses[0].taken.get(place.slot):
            places[owner] = reserved.reserve(place, connect.PCIE, owner)
            return True
    return False
