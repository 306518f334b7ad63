# SPDX-License-Identifier: Apache-2.0
"""The card is what all the other tests here take it for."""

import pytest

from tests.card.card import Card
from tests.card.sysfs import FIRST, SECOND, follow, interfaces, make_vfs, read

pytestmark = pytest.mark.card


@pytest.fixture(scope="module")
def pair(card: Card) -> tuple[str, ...]:
    """Two VFs for tests that only look at them, for making VFs takes seconds."""
    return make_vfs(card, FIRST, 2)


@pytest.mark.parametrize("pf", [FIRST, SECOND])
def test_physical_functions_can_make_seven_vfs_each(card: Card, pf: str) -> None:
    assert (read(card, pf, "vendor"), read(card, pf, "device")) == ("0x8086", "0x10c9")
    assert read(card, pf, "sriov_totalvfs") == "7"
    assert read(card, pf, "sriov_vf_device") == "10ca"
    assert follow(card, pf, "driver") == "igb"
    assert len(interfaces(card, pf)) == 1


def test_vfs_are_devices_of_their_own(card: Card, pair: tuple[str, ...]) -> None:
    assert pair == ("0000:01:10.0", "0000:01:10.2")
    for vf in pair:
        assert (read(card, vf, "vendor"), read(card, vf, "device")) == ("0x8086", "0x10ca")
        assert follow(card, vf, "driver") == "igbvf"
        assert follow(card, vf, "physfn") == FIRST
        assert len(interfaces(card, vf)) == 1


def test_each_function_has_an_iommu_group_of_its_own(card: Card, pair: tuple[str, ...]) -> None:
    groups = [follow(card, function, "iommu_group") for function in (FIRST, SECOND, *pair)]
    assert all(group.isdigit() for group in groups)
    assert len(set(groups)) == len(groups)


def test_vfs_come_back_under_the_same_addresses(card: Card, pair: tuple[str, ...]) -> None:
    assert make_vfs(card, FIRST, 0) == ()
    assert make_vfs(card, FIRST, 3) == (*pair, "0000:01:10.4")
