# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.errors import RequestError
from sidecar.model.availability import Assessment, Availability, Evidence
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Inventory, PciId, PhysicalFunction, Unknown, VirtualFunction

PF = PciAddress.parse("0000:01:00.0")
VF = PciAddress.parse("0000:01:10.0")
NETWORK_CARD = PciId(0x8086, 0x10CA)


def make_vf(index: int = 0, enabled: int | Unknown = 0, physfn: PciAddress = PF) -> VirtualFunction:
    return VirtualFunction(VF, NETWORK_CARD, "igbvf", (), 15, None, physfn, index, enabled)


def make_pf(
    vfs: tuple[VirtualFunction, ...] | Unknown, totalvfs: int | Unknown = 7
) -> PhysicalFunction:
    return PhysicalFunction(PF, NETWORK_CARD, "igb", (), 14, 0, totalvfs, vfs)


@pytest.mark.parametrize("text", ["8086:10ca", "8086:10CA"])
def test_ids_are_read_and_printed(text: str) -> None:
    assert PciId.parse(text) == NETWORK_CARD
    assert str(PciId.parse(text)) == "8086:10ca"


@pytest.mark.parametrize("text", ["", "8086", "0x8086:10ca", "8086:10ca ", "808:10ca", "٣086:10ca"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="not a PCI vendor and device number"):
        PciId.parse(text)


@pytest.mark.parametrize(("vendor", "device"), [(-1, 0), (0, 0x10000)])
def test_ids_have_16_bits(vendor: int, device: int) -> None:
    with pytest.raises(RequestError, match="expected 16 bits"):
        PciId(vendor, device)


@pytest.mark.parametrize(("index", "enabled"), [(-1, 0), (0x10000, 0), (0, -1)])
def test_a_vf_has_possible_numbers(index: int, enabled: int) -> None:
    with pytest.raises(RequestError):
        make_vf(index, enabled)
    assert make_vf(0xFFFF, UNKNOWN).index == 0xFFFF


def test_a_pf_has_its_own_vfs_and_a_possible_total() -> None:
    with pytest.raises(RequestError, match="a VF of another PF"):
        make_pf((make_vf(physfn=VF),))
    for total in (-1, 0x10000):
        with pytest.raises(RequestError, match="out of range"):
            make_pf((), total)


def test_an_unknown_number_of_vfs_is_not_zero() -> None:
    assert make_pf(UNKNOWN).numvfs is UNKNOWN
    assert make_pf(()).numvfs == 0
    assert make_pf((make_vf(),), UNKNOWN).numvfs == 1


def test_an_assessment_names_each_user_once_and_what_counts_first_first() -> None:
    texts = [
        (Availability.FREE, "", "interface down"),
        (Availability.LEASED, "domain a", "leased"),
        (Availability.IN_USE, "qemu 1", "a file"),
        (Availability.IN_USE, "qemu 1", "another file"),
    ]
    evidence = tuple(Evidence(verdict, text, who) for verdict, who, text in texts)
    seen = Assessment(Availability.IN_USE, evidence)
    assert seen.users == ("domain a", "qemu 1")
    assert (seen.free, seen.state) == (False, "is in use")
    assert seen.why == "a file; another file; leased"


def test_an_inventory_finds_by_address() -> None:
    vf = make_vf()
    pf = make_pf((vf,))
    inventory = Inventory((pf,), {})
    assert inventory.find(PF) is pf
    assert inventory.find(VF) is vf
    assert inventory.find(PciAddress(0, 0, 0)) is None
    assert Inventory((make_pf(UNKNOWN),), {}).find(VF) is None
