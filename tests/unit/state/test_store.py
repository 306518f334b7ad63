# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from sidecar.errors import CapacityError, InternalError, RequestError
from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.pool import KeptVf, PfRecord, PoolDefinition, PoolRecord
from sidecar.model.settings import VfSettings
from sidecar.state.locked_pf import HeldPf
from sidecar.state.store import Store
from tests.unit.state.leases import ALL, ANN, BOB, NOW, NOW_TEXT, OTHER, PF, lease_one


def test_nothing_written_is_nothing_leased(store: Store, tmp_path: Path) -> None:
    assert (dict(store.leases(PF)), store.all_leases(), store.pools()) == ({}, (), ())
    assert (store.record(PF), store.pool("p"), store.leases_of(ANN)) == (PfRecord(PF), None, ())
    store.remove_pool("p")
    assert list(tmp_path.iterdir()) == []


def test_a_lease_is_on_disk_as_it_was_taken(store: Store) -> None:
    lease_one(store)
    (lease,) = store.leases_of(ANN)
    assert (lease.pf, lease.index, lease.generation) == (PF, 3, 1)
    assert (lease.state, lease.settings, lease.pool) == (LeaseState.LEASED, ALL, "blue")
    assert lease.time == "2026-01-02T00:00:00.000Z"
    assert store.all_leases() == (lease,)
    assert store.leases_of(replace(ANN, uid="another")) == ()


def test_the_holder_may_ask_again_and_nobody_else(store: Store) -> None:
    lease_one(store)
    with store.lock(PF) as held:
        again = held.take(3, ANN, VfSettings(), "", NOW)
        assert held.confirm(again, NOW) == store.leases(PF)[3]
        assert (again.generation, again.settings) == (1, ALL)
        with pytest.raises(CapacityError, match=r"VF 3 of 0000:01:00\.0.* vmi shop/ann \(1\)"):
            held.take(3, replace(ANN, uid="namesake"), VfSettings(), "", NOW)


def test_a_late_return_is_refused(store: Store) -> None:
    lease_one(store)
    old = store.leases(PF)[3]
    with store.lock(PF) as held:
        held.finish_return(held.begin_return(old, 1, NOW), NOW)
        with pytest.raises(InternalError, match="a lease that is free cannot become returning"):
            held.begin_return(old, 1, NOW)
        held.confirm(held.take(3, BOB, VfSettings(), "", NOW), NOW)
        said = "found generation 1; expected generation 2, leased, generation 2, domain bob"
        late: list[Callable[[], object]] = [
            lambda: held.begin_return(old, 1, NOW),
            lambda: held.finish_return(old, NOW),
            lambda: held.confirm(old, NOW),
        ]
        for act in late:
            with pytest.raises(RequestError, match=said):
                act()
    assert store.leases(PF)[3].holder == BOB


@pytest.mark.parametrize(
    ("act", "complaint"),
    [
        (lambda held: held.finish_return(held.leases()[3], NOW), "was not started"),
        (lambda held: held.clear(3, NOW), "only a lease that needs inspection"),
        (lambda held: held.clear(4, NOW), "only a lease that needs inspection"),
        (lambda held: held.take(65536, BOB, VfSettings(), "", NOW), "out of range"),
        (lambda held: held.take(-1, BOB, VfSettings(), "", NOW), "out of range"),
        (lambda held: held.write_record(PfRecord(OTHER)), "the record of another PF"),
    ],
)
def test_what_cannot_be_is_refused(
    store: Store, act: Callable[[HeldPf], object], complaint: str
) -> None:
    lease_one(store)
    before = store.all_leases()
    with store.lock(PF) as held, pytest.raises(InternalError, match=complaint):
        act(held)
    assert store.all_leases() == before


def test_an_intent_left_behind_is_to_be_inspected(store: Store) -> None:
    lease_one(store, 1)
    with store.lock(PF) as held:
        held.take(0, BOB, ALL, "", NOW)
        held.begin_return(held.leases()[1], 1, NOW)
    with store.lock(PF) as held:
        leases = held.leases()
    assert leases[0].reason == "taking it for domain bob was interrupted (started " + NOW_TEXT
    assert leases[1].reason == "returning it for vmi shop/ann was interrupted (started " + NOW_TEXT
    assert (leases[0].state, leases[0].holder) == (LeaseState.INSPECT, BOB)
    with store.lock(PF) as held:
        assert held.clear(0, NOW).free
        assert held.take(0, ANN, ALL, "", NOW).generation == 2


def test_a_pf_record_comes_back(store: Store) -> None:
    record = PfRecord(
        PF, 7, "boot", "make 7 VFs", "hung", {0: KeptVf(ALL, "vfio-pci"), 12: KeptVf(VfSettings())}
    )
    with store.lock(PF) as held:
        held.write_record(record)
        held.take(5, ANN, ALL, "", NOW)
        assert held.record() == record
    assert store.record(PF) == record
    assert store.record(OTHER) == PfRecord(OTHER)


@pytest.mark.parametrize(
    "name",
    ["blue", "..", ".", "a/b", "../../etc/passwd", "grün ♥", "50%", "%2F", "\n", "x" * 300, " "],
)
def test_any_name_is_a_pool(store: Store, tmp_path: Path, name: str) -> None:
    record = PoolRecord(PoolDefinition(name, "eth0", 3), PF, autostart=True)
    neighbour = PoolRecord(PoolDefinition(f"{name}0", "eth1"), PF)
    store.write_pool(record)
    store.write_pool(neighbour)
    assert store.pool(name) == record
    assert store.pools() == (record, neighbour)
    files = {path.parent for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {tmp_path / "deep/state/pools"}
    store.remove_pool(name)
    assert store.pools() == (neighbour,)


def take_many(root: Path, number: int) -> None:
    for turn in range(50):
        holder = Holder(HolderKind.CLAIM, f"{number}-{turn}")
        # Each waits for seven others at most, who came before it.
        with Store(root).lock(PF, seconds=600) as held:
            leases = held.leases()
            index = next(i for i in range(400) if i not in leases)
            held.confirm(held.take(index, holder, VfSettings(), "", NOW), NOW)


def test_no_vf_is_taken_twice_by_eight_processes(memory: Path) -> None:
    context = get_context("fork")
    children = [context.Process(target=take_many, args=(memory, n)) for n in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    leases = Store(memory).leases(PF)
    assert sorted(leases) == list(range(400))
    assert len({lease.holder for lease in leases.values()}) == 400
    assert {(lease.state, lease.generation) for lease in leases.values()} == {
        (LeaseState.LEASED, 1)
    }
