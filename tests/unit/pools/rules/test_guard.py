# SPDX-License-Identifier: Apache-2.0
"""Which VFs stand against removing all VFs of a PF."""

import pytest

from sidecar.model.availability import Availability, Evidence, Source
from sidecar.model.vf import UNKNOWN
from sidecar.pools.rules.availability import assess, weigh_configuration, weigh_records
from sidecar.pools.rules.guard import RefusedError, find_holders, refuse
from tests.unit.pools.rules.situations import FREE, HELD, KERNEL_FREE, PF, situation


def test_a_holder_is_named_with_what_was_seen() -> None:
    (obstacle,) = find_holders(situation([FREE, HELD, FREE]).view)
    assert obstacle.who == "qemu 7"
    assert "VF 1 (0000:01:10.1) is in use: process qemu 7 has /dev/vfio/4 open" in obstacle.text


def test_what_nobody_knows_stands_against_it_too() -> None:
    unsure = Evidence(Availability.UNKNOWN, "cannot be read", source=Source.LIBVIRT)
    (obstacle,) = find_holders(situation([assess((KERNEL_FREE, unsure))]).view)
    assert "not proven free: cannot be read" in obstacle.text
    (obstacle,) = find_holders(situation([assess((KERNEL_FREE,))]).view)
    assert "not confirmed by a second source" in obstacle.text


def test_a_configuration_holds_nothing_and_a_quarantine_is_the_pfs() -> None:
    promised = assess((*FREE.evidence, weigh_configuration("vm1")))
    hung = assess((*FREE.evidence, *weigh_records(None, "it hung")))
    assert find_holders(situation([promised, hung]).view) == ()


def test_vfs_that_cannot_be_listed_are_not_proven_free() -> None:
    (obstacle,) = find_holders(situation(vfs=UNKNOWN).view)
    assert str(PF) in obstacle.text


def test_a_refusal_holds_all_obstacles_and_nothing_refuses_nothing() -> None:
    refuse("no", ())
    obstacles = find_holders(situation([HELD, HELD]).view)
    with pytest.raises(RefusedError, match=r"qemu 7.*; VF 1.*Nothing was changed") as caught:
        refuse("pool cannot be stopped", obstacles)
    assert caught.value.obstacles == obstacles
