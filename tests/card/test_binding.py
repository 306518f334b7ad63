# SPDX-License-Identifier: Apache-2.0
"""VFs change hands, and their number changes, on a real kernel; who holds one keeps it."""

import json

import pytest

from tests.card.card import Card
from tests.card.sysfs import DEVICES, FIRST, bind_vfio, follow, interfaces, read, shell

pytestmark = pytest.mark.card

CHANGE = "/project/tests/card/guest/change_vfs.py"
HOLD = "/project/tests/card/guest/hold_vfio.py"
COUNT = "ls -d $1/virtfn* 2>/dev/null | wc -l"
GONE = 'until [ "$(ls -d $1/virtfn* 2>/dev/null | wc -l)" = 0 ]; do sleep 0.1; done'


def change(card: Card, *arguments: str) -> object:
    return json.loads(card.run("python3", CHANGE, *arguments))


def count(card: Card) -> int:
    return int(shell(card, COUNT, f"{DEVICES}/{FIRST}"))


def test_a_vf_goes_to_vfio_and_back(card: Card, vfs: tuple[str, ...]) -> None:
    vf, other = vfs
    card.run("modprobe", "vfio-pci")
    assert change(card, "bind", vf, "vfio-pci") == "igbvf"
    assert (follow(card, vf, "driver"), read(card, vf, "driver_override")) == ("vfio-pci",) * 2
    assert change(card, "bind", vf, "vfio-pci") == "vfio-pci"
    assert change(card, "restore", vf, "igbvf") is None
    assert (follow(card, vf, "driver"), read(card, vf, "driver_override")) == ("igbvf", "(null)")
    assert len(interfaces(card, vf)) == 1
    assert change(card, "unbind", other) == "igbvf"
    assert change(card, "unbind", other) == ""
    assert change(card, "restore", other, "igbvf") is None
    assert follow(card, other, "driver") == "igbvf"


def test_a_driver_that_does_not_take_a_vf_leaves_it_as_it_was(
    card: Card, vfs: tuple[str, ...]
) -> None:
    # virtio's driver is loaded, probes whatever an override gives it, and knows this is not its.
    refused = str(change(card, "bind", vfs[0], "virtio-pci"))
    assert f"VF {vfs[0]}: driver virtio-pci does not bind to it; found No such device" in refused
    assert "The VF has driver igbvf now" in refused
    assert follow(card, vfs[0], "driver") == "igbvf"
    assert read(card, vfs[0], "driver_override") == "(null)"


def test_each_vf_has_an_iommu_group_of_its_own(card: Card, vfs: tuple[str, ...]) -> None:
    assert [change(card, "groups", vf) for vf in vfs] == [[False, []]] * 2


def test_an_open_vf_keeps_its_driver_and_its_siblings(card: Card, vfs: tuple[str, ...]) -> None:
    held, other = vfs
    bind_vfio(card, held)
    with card.holding("python3", HOLD, held):
        refused = [
            str(change(card, *words))
            for words in (
                ["unbind", held],
                ["restore", held, "igbvf"],
                ["write", FIRST, "0", *vfs],
                ["write", FIRST, "0", other],
            )
        ]
        assert follow(card, held, "driver") == "vfio-pci"
        assert count(card) == 2
    for text in refused[:3]:
        assert f"{held}: vfio-pci has it, and the device is enabled (enable 1)" in text
    assert f"{held}: appeared since the decision was made" in refused[3]
    assert change(card, "write", FIRST, "0", *vfs) is None
    assert count(card) == 0


def test_a_vf_whose_interface_is_up_keeps_all_vfs(card: Card, vfs: tuple[str, ...]) -> None:
    (name,) = interfaces(card, vfs[1])
    card.run("ip", "link", "set", name, "up")
    assert f"{vfs[1]}: interface {name} is up" in str(change(card, "write", FIRST, "0", *vfs))
    assert count(card) == 2
    card.run("ip", "link", "set", name, "down")
    assert change(card, "write", FIRST, "0", *vfs) is None
    assert count(card) == 0


def test_numbers_change_through_none_only(card: Card, vfs: tuple[str, ...]) -> None:
    assert "(EBUSY): the kernel changes one number" in str(change(card, "write", FIRST, "3", *vfs))
    assert "(ERANGE): the PF has at most 7 VFs" in str(change(card, "write", FIRST, "8", *vfs))
    assert change(card, "write", FIRST, "2", *vfs) is None
    assert change(card, "write", FIRST, "0", *vfs) is None
    assert change(card, "write", FIRST, "3") is None
    assert count(card) == 3


def test_without_the_last_look_the_writer_hangs_and_is_left(
    card: Card, vfs: tuple[str, ...]
) -> None:
    """What all the care is for: whoever holds the VF here does not let go when asked."""
    bind_vfio(card, vfs[0])
    with card.holding("python3", HOLD, vfs[0]):
        assert change(card, "force", FIRST, "0", "2") == ["hung", None, 1]
    shell(card, GONE, f"{DEVICES}/{FIRST}")
