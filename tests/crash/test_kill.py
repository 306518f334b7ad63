# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at every call that changes the disk: nothing is lost, nothing is given twice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from sidecar.errors import CapacityError
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PfRecord, PoolDefinition, PoolRecord
from sidecar.model.settings import VfSettings
from sidecar.state.store import Store
from tests.crash.killing import Moment, run_until_killed

PF = PciAddress.parse("0000:01:00.0")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANN = Holder(HolderKind.VMI, "shop/ann", "1")
BOB = Holder(HolderKind.DOMAIN, "bob", "2")

Fact = tuple[LeaseState, Holder | None, int]
FREE, LEASED, INSPECT = LeaseState.FREE, LeaseState.LEASED, LeaseState.INSPECT


@dataclass(frozen=True)
class Step:
    """What is done, to which VF, what the VF is then, and what if it was cut short."""

    act: Callable[[Store], None]
    index: int | None = None
    after: Fact | None = None
    cut: Fact | None = None


def take(index: int, holder: Holder, generation: int) -> Step:
    def act(store: Store) -> None:
        with store.lock(PF) as held:
            held.confirm(held.take(index, holder, VfSettings(trust=True), "pool", NOW), NOW)

    return Step(act, index, (LEASED, holder, generation), (INSPECT, holder, generation))


def give_back(index: int, holder: Holder, generation: int) -> Step:
    def act(store: Store) -> None:
        (lease,) = store.leases_of(holder)
        with store.lock(PF) as held:
            held.finish_return(held.begin_return(lease, generation, NOW), NOW)

    return Step(act, index, (FREE, None, generation), (INSPECT, holder, generation))


def mark(index: int, holder: Holder, generation: int) -> Step:
    def act(store: Store) -> None:
        with store.lock(PF) as held:
            held.mark(index, "somebody has it open", NOW)

    return Step(act, index, (INSPECT, holder, generation))


def clear(index: int, generation: int) -> Step:
    def act(store: Store) -> None:
        with store.lock(PF) as held:
            held.clear(index, NOW)

    return Step(act, index, (FREE, None, generation))


def write_pf(made: int) -> Step:
    def act(store: Store) -> None:
        with store.lock(PF) as held:
            held.write_record(PfRecord(PF, made, quarantine="hung"))

    return Step(act)


POOL = PoolRecord(PoolDefinition("a/pool", "eth0", 3), PF)
STEPS = [
    take(0, ANN, 1),
    give_back(0, ANN, 1),
    take(0, BOB, 2),
    take(3, ANN, 1),
    write_pf(7),
    mark(3, ANN, 1),
    clear(3, 1),
    take(3, ANN, 2),
    Step(lambda store: store.write_pool(POOL)),
    Step(lambda store: store.remove_pool("a/pool")),
]


def facts(leases: dict[int, Lease]) -> dict[int, Fact]:
    return {i: (one.state, one.holder, one.generation) for i, one in leases.items()}


def allowed(finished: int) -> Iterator[dict[int, Fact]]:
    """Say what may be on record when the step after the finished ones was cut short."""
    before: dict[int, Fact] = {}
    for step in STEPS[:finished]:
        if step.index is not None and step.after is not None:
            before[step.index] = step.after
    yield before
    step = STEPS[finished]
    for fact in (step.after, step.cut):
        if step.index is not None and fact is not None:
            yield before | {step.index: fact}


@pytest.mark.parametrize("moment", Moment)
def test_no_kill_loses_a_lease_or_gives_a_vf_twice(memory: Path, moment: Moment) -> None:
    for number in count(1):
        root = memory / str(number)
        store = Store(root)
        steps = [partial(step.act, store) for step in STEPS]
        finished = run_until_killed(number, moment, steps)
        if finished is None:
            break
        seen = dict(Store(root).leases(PF))
        with Store(root).lock(PF, seconds=1) as held:
            found = dict(held.leases())
            assert facts(found) in list(allowed(finished)), (number, finished)
            # Who looked before the lock saw the intent, and the same holder.
            assert {i: (one.holder, one.generation) for i, one in seen.items()} == {
                i: (one.holder, one.generation) for i, one in found.items()
            }
            check_records(root, held.record(), finished)
            for index, lease in found.items():
                if not lease.free:
                    with pytest.raises(CapacityError, match="the VF is not free"):
                        held.take(index, Holder(HolderKind.CLAIM, "c"), VfSettings(), "", NOW)
                if lease.state is INSPECT:
                    assert lease.reason
        assert dict(Store(root).leases(PF)) == found
    assert number > 100


def check_records(root: Path, record: PfRecord, finished: int) -> None:
    made = {STEPS.index(step) for step in STEPS if step.index is None}
    assert record.made in ({0} if finished < min(made) else {7} if finished > min(made) else {0, 7})
    assert record.quarantine == ("hung" if record.made else "")
    pools = Store(root).pools()
    if finished < len(STEPS) - 2:
        assert pools == ()
    else:
        assert pools in {(), (POOL,)}


@pytest.mark.parametrize("moment", Moment)
def test_a_kill_while_recovering_changes_nothing(memory: Path, moment: Moment) -> None:
    for number in count(1):
        root = memory / str(number)
        store = Store(root)
        with store.lock(PF) as held:
            held.take(0, ANN, VfSettings(), "", NOW)
            held.take(1, BOB, VfSettings(), "", NOW)
            held.take(2, BOB, VfSettings(), "", NOW)
        folder = root / "pfs" / str(PF)
        (folder / "vf-1.json").write_text('{"format": 1')
        (folder / "vf-2.json").unlink()

        def recover(store: Store = store) -> None:
            with store.lock(PF):
                pass

        finished = run_until_killed(number, moment, [recover])
        for _ in range(2):
            with Store(root).lock(PF) as held:
                leases = held.leases()
            assert {i: one.state for i, one in leases.items()} == dict.fromkeys(range(3), INSPECT)
            assert (leases[0].holder, leases[0].generation) == (ANN, 1)
            assert min(leases[1].generation, leases[2].generation) > 1
        kept = [path.read_text() for path in folder.glob("vf-1.json.damaged-*")]
        assert set(kept) == {'{"format": 1'}
        if finished is None:
            break
    assert number > 12
