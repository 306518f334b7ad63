# SPDX-License-Identifier: Apache-2.0
"""What starting and stopping a pool would do."""

from dataclasses import replace

import pytest

from sidecar.model.availability import Assessment
from sidecar.model.pool import KeptVf, PfRecord
from sidecar.model.settings import VfSettings
from sidecar.model.vf import UNKNOWN
from sidecar.pools.rules.availability import assess
from sidecar.pools.rules.plan import Plan, StepKind, plan_start, plan_stop
from sidecar.pools.rules.situation import Situation
from tests.unit.pools.rules.situations import BOOT, FREE, HELD, PF, interface, situation, vf

UP, STOP, REMOVE, MAKE, REPLAY, GROUPS, START = (
    StepKind.LINK_UP,
    StepKind.STOP_NETWORK,
    StepKind.REMOVE_VFS,
    StepKind.MAKE_VFS,
    StepKind.REPLAY_SETTINGS,
    StepKind.CHECK_GROUPS,
    StepKind.START_NETWORK,
)
OURS = PfRecord(PF, made=2, boot=BOOT)


def kinds(plan: Plan) -> list[StepKind]:
    return [step.kind for step in plan.steps]


@pytest.mark.parametrize(
    ("now", "steps"),
    [
        (situation(), [MAKE, REPLAY, GROUPS, START]),
        (situation(up=False), [UP, MAKE, REPLAY, GROUPS, START]),
        (situation([FREE] * 4), [GROUPS, START]),
        (situation([HELD] * 4), [GROUPS, START]),
        (situation([HELD] * 6), [GROUPS, START]),
        (situation([HELD] * 6, active=True), []),
        (situation([HELD] * 6, active=True, up=False), [UP]),
        (situation([FREE] * 2), [REMOVE, MAKE, REPLAY, GROUPS, START]),
        (situation([FREE] * 2, active=True), [STOP, REMOVE, MAKE, REPLAY, GROUPS, START]),
        (situation(active=True), [STOP, MAKE, REPLAY, GROUPS, START]),
        (situation([FREE], minimum=None), [GROUPS, START]),
    ],
)
def test_the_number_is_a_minimum(now: Situation, steps: list[StepKind]) -> None:
    plan = plan_start(now)
    assert plan.obstacles == ()
    assert kinds(plan) == steps


def test_the_minimum_is_what_is_made() -> None:
    assert [step.count for step in plan_start(situation()).steps if step.kind is MAKE] == [4]


@pytest.mark.parametrize("usages", [[HELD, FREE], [FREE, HELD], [FREE, assess(FREE.evidence[:1])]])
def test_growth_needs_every_vf_proven_free(usages: list[Assessment]) -> None:
    (obstacle,) = plan_start(situation(usages)).obstacles
    assert "VF" in obstacle.text


def test_another_network_on_the_pf_stands_against_growth_but_not_against_a_start() -> None:
    sharing = replace(situation([FREE] * 2), sharers=("other",))
    (obstacle,) = plan_start(sharing).obstacles
    assert obstacle.who == "network other"
    assert plan_start(replace(situation([FREE] * 4), sharers=("other",))).obstacles == ()


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (situation(minimum=None), "does not say how many"),
        (situation(minimum=8), "can have 7"),
        (situation(totalvfs=UNKNOWN), "sriov_totalvfs"),
        (situation(driver=None), "no driver"),
        (situation(iommu_group=None), "no IOMMU group"),
        (situation(interfaces=(interface("eth7"),)), "has eth7 now"),
        (situation(interfaces=()), "no interface in this network namespace"),
        (situation(vfs=UNKNOWN), "cannot be listed"),
        (situation(record=PfRecord(PF, boot=BOOT, quarantine="hung")), "in quarantine: hung"),
        (replace(situation(minimum=7), limit=6), "creates at most 6"),
        (replace(situation(), configures=False), "cannot create VFs through sysfs"),
    ],
)
def test_what_makes_a_start_impossible(now: Situation, text: str) -> None:
    plan = plan_start(now)
    assert plan.steps == ()
    assert text in "; ".join(one.text for one in plan.obstacles)


def test_a_group_that_is_not_viable_is_found_before_anything_is_touched() -> None:
    now = situation([FREE] * 4)
    shared = {vf(1).address: tuple(f"0000:01:00.{one} (igb)" for one in range(5))}
    plan = plan_start(replace(now, view=replace(now.view, shared_groups=shared)))
    assert plan.steps == ()
    (obstacle,) = plan.obstacles
    assert "that of 0000:01:10.1 also has 0000:01:00.0 (igb), " in obstacle.text
    assert obstacle.text.endswith("and 2 more")


def test_what_an_earlier_run_kept_and_did_not_set_is_set() -> None:
    kept = PfRecord(PF, kept={0: KeptVf(VfSettings(trust=True))})
    assert kinds(plan_start(situation([HELD] * 4, active=True, record=kept))) == [REPLAY]


def test_a_reboot_ends_a_quarantine() -> None:
    now = situation(record=PfRecord(PF, boot="earlier", quarantine="hung"))
    assert plan_start(now).obstacles == ()


def test_limits_do_not_matter_where_there_are_enough() -> None:
    assert plan_start(replace(situation([FREE] * 4), limit=1, configures=False)).obstacles == ()


def test_what_an_earlier_run_did_not_finish_is_told() -> None:
    plan = plan_start(situation([FREE] * 4, record=PfRecord(PF, operation="make 4 VFs")))
    assert "an earlier run did not finish: make 4 VFs" in plan.notes


@pytest.mark.parametrize(
    ("now", "steps", "note"),
    [
        (situation([FREE] * 2, active=True, record=OURS), [STOP, REMOVE], ""),
        (situation([FREE] * 2, record=OURS), [REMOVE], ""),
        (situation([FREE] * 3, active=True, record=OURS), [STOP], "did not create them"),
        (situation([FREE] * 2, active=True), [STOP], "did not create them"),
        (
            situation([FREE] * 2, active=True, record=replace(OURS, boot="earlier")),
            [STOP],
            "did not create them",
        ),
        (
            replace(situation([FREE] * 2, active=True, record=OURS), sharers=("other",)),
            [STOP],
            "network other uses the same PF",
        ),
        (situation(active=True), [STOP], ""),
        (situation(), [], ""),
    ],
)
def test_only_vfs_that_we_made_are_removed(
    now: Situation, steps: list[StepKind], note: str
) -> None:
    plan = plan_stop(now, keep_vfs=False)
    assert plan.obstacles == ()
    assert kinds(plan) == steps
    assert note in "".join(plan.notes)
    assert bool(note) == bool(plan.notes)


@pytest.mark.parametrize("record", [OURS, PfRecord(PF)])
def test_a_vf_in_use_keeps_the_network_running(record: PfRecord) -> None:
    plan = plan_stop(situation([FREE, HELD], active=True, record=record), keep_vfs=False)
    assert plan.steps == ()
    assert [one.who for one in plan.obstacles] == ["qemu 7"]


def test_a_quarantined_pf_keeps_its_vfs() -> None:
    record = replace(OURS, quarantine="hung")
    plan = plan_stop(situation([FREE] * 2, active=True, record=record), keep_vfs=False)
    assert plan.steps == ()
    assert "quarantine" in plan.obstacles[0].text


def test_the_network_alone_stops_whoever_has_a_vf() -> None:
    plan = plan_stop(situation([FREE, HELD], active=True, record=OURS), keep_vfs=True)
    assert kinds(plan) == [STOP]
    assert plan.obstacles == ()
    assert "kept" in plan.notes[0]
