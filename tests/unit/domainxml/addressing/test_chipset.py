# SPDX-License-Identifier: Apache-2.0
"""Devices that sit at places of their own on a board."""

import pytest

from sidecar.domainxml.addressing.buses import Place
from tests.unit.domainxml.build import layout
from tests.unit.domainxml.trees import address, nic

VGA = "<video><model type='vga'/></video>"


def place_of(kind: str, *devices: str, machine: str = "q35") -> Place:
    places = layout(*devices, machine=machine).places
    return next(where for owner, where in places.items() if getattr(owner, "kind", "") == kind)


@pytest.mark.parametrize(
    ("kind", "devices", "place"),
    [
        ("controller-sata", (), Place(0, 0x1F, 2)),
        ("video", (VGA,), Place(0, 1)),
        ("video", ("<video><model type='bochs'/></video>",), Place(0, 1)),
        ("video", ("<video><model type='virtio'/></video>",), Place(0, 1)),
        ("sound", ("<sound model='ich9'/>",), Place(0, 0x1B)),
        (
            "controller-usb",
            ("<controller type='usb' index='1' model='ich9-uhci1'/>",),
            Place(0, 0x1D),
        ),
    ],
)
def test_q35(kind: str, devices: tuple[str, ...], place: Place) -> None:
    assert place_of(kind, *devices) == place


def test_a_second_uhci_has_a_second_slot() -> None:
    uhci = "<controller type='usb' index='{}' model='ich9-uhci1'/>"
    places = layout(uhci.format(1), uhci.format(2)).places
    usb = [p for o, p in places.items() if getattr(o, "model", "") == "ich9-uhci1"]
    assert usb == [Place(0, 0x1D), Place(0, 0x1A)]


def test_a_taken_slot_is_not_taken_again() -> None:
    occupied = nic("a", address(0, 1))
    assert place_of("video", occupied, VGA) != Place(0, 1)
    assert place_of("sound", nic("a", address(0, 0x1B)), "<sound model='ich9'/>") != Place(0, 0x1B)


def test_only_the_first_ich9_sound_is_integrated() -> None:
    places = layout("<sound model='ich9'/>", "<sound model='ich9'/>").places
    sounds = [p.bus for o, p in places.items() if getattr(o, "kind", "") == "sound"]
    assert sounds[0] == 0
    assert sounds[1] != 0


def test_other_sounds_are_not_integrated() -> None:
    found = layout("<sound model='ac97'/>", "<sound model='ich9'/>").places.items()
    sounds = {o.model: p for o, p in found if getattr(o, "kind", "") == "sound"}
    assert sounds["ich9"] == Place(0, 0x1B)
    assert sounds["ac97"].bus != 0


def test_an_old_bridge_has_its_slot() -> None:
    found = layout("<controller type='pci' index='1' model='dmi-to-pci-bridge'/>")
    assert found.places[found.inventory.controllers[1]] == Place(0, 0x1E)


def test_the_lpc_bridge_is_never_given_away() -> None:
    taken = layout().buses.buses[0].taken[0x1F]
    assert taken == 0b1101


@pytest.mark.parametrize(
    ("kind", "devices", "place"),
    [
        ("controller-ide", ("<controller type='ide' index='0'/>",), Place(0, 1, 1)),
        ("controller-usb", ("<controller type='usb' index='0'/>",), Place(0, 1, 2)),
        (
            "controller-usb",
            ("<controller type='usb' index='0' model='piix3-uhci'/>",),
            Place(0, 1, 2),
        ),
        ("controller-usb", ("<controller type='usb' index='0' model='qemu-xhci'/>",), Place(0, 2)),
        ("controller-ide", ("<controller type='ide' index='1'/>",), Place(0, 2)),
        ("video", (VGA,), Place(0, 2)),
        ("interface", (nic("a"),), Place(0, 2)),
        ("interface", (nic("a"), VGA), Place(0, 3)),
    ],
)
def test_pc(kind: str, devices: tuple[str, ...], place: Place) -> None:
    # The domain's own <controller type='usb' model='none'/> comes after these.
    assert place_of(kind, *devices, machine="pc") == place


def test_piix3_takes_given_addresses_of_its_own() -> None:
    ide = f"<controller type='ide' index='0'>{address(0, 1, 1)}</controller>"
    assert place_of("controller-ide", ide, machine="pc") == Place(0, 1, 1)
    # Of the slot's functions only those are taken that the domain's board has.
    assert layout(ide, machine="pc").buses.buses[0].taken[1] == 0b1011
