# SPDX-License-Identifier: Apache-2.0
"""What a pool's state warns of before a VM fails to start."""

from dataclasses import replace

from sidecar.model.availability import Assessment, Availability
from sidecar.model.vf import UNKNOWN
from sidecar.pools.rules.availability import assess, weigh_configuration
from sidecar.pools.rules.status import PoolStatus, describe_pool
from tests.unit.pools.rules.situations import FREE, HELD, situation, vf

PROMISED = assess((*FREE.evidence, weigh_configuration("vm1")))


def state(*states: Assessment, active: bool = True, **changes: object) -> PoolStatus:
    now = situation(states, minimum=None)
    view = replace(now.view, **changes)  # type: ignore[arg-type] # by name, as the test has it
    return describe_pool(now.record, view, {}, active=active)


def test_a_pool_is_exhausted_for_others_once_its_last_vf_is_promised() -> None:
    (warning,) = state(HELD, PROMISED).warnings
    assert warning == (
        "exhausted: no VF is free (1 in use, 1 promised); the next guest will fail to start"
    )
    assert state(HELD, PROMISED).counts[Availability.PROMISED] == 1
    assert state(FREE, PROMISED).warnings == ()
    assert state(FREE, PROMISED).free == 1
    assert state(HELD, active=False).warnings == ()


def test_vfs_that_cannot_go_to_a_guest_are_told_though_they_are_free() -> None:
    (warning,) = state(FREE, FREE, shared_groups={vf(1).address: ("0000:01:00.1",)}).warnings
    assert f"that of {vf(1).address} also has 0000:01:00.1" in warning
    now = state(FREE, FREE)
    for group in (None, UNKNOWN):
        bare = (replace(now.vfs[0], vf=replace(vf(0), iommu_group=group)), now.vfs[1])
        (warning,) = replace(now, vfs=bare).warnings
        assert warning.startswith("1 of 2 VFs have no IOMMU group")
