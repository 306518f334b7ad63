# SPDX-License-Identifier: Apache-2.0
"""Whatever happens on a host, in whichever order: nothing of ours takes a VF from its holder.

The kernel is the fake one, which the card's answers are held against; libvirt is its own test
driver; records, locks, writes and errnos are real.
"""

from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from sidecar.errors import CapacityError, RequestError
from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.settings import VfSettings
from tests.property.guard_others import PICK, Others
from tests.property.guard_promise import SEEN, WANTED
from tests.property.guard_world import ADDRESS, Death

NAMES = st.sampled_from(("fast", "slow"))
HOLDERS = st.sampled_from([Holder(HolderKind.VMI, f"default/vm-{n}") for n in range(3)])
FEW = st.integers(0, 2)
"""Leases of few VFs, so that they meet."""
EXAMPLES, STEPS = 50, 50


class Guard(Others):
    """Pools and leases, while others do what they do."""

    @rule(name=NAMES, count=st.none() | st.integers(1, 7))
    def define(self, name: str, count: int | None) -> None:
        self.act(lambda: self.world.wish(count, name))

    @rule(name=NAMES)
    def start(self, name: str) -> None:
        self.act(lambda: self.world.pools.start(name))

    @rule(name=NAMES)
    def start_larger(self, name: str) -> None:
        count = min(len(self.world.vfs()) + 1, 7)
        self.act(lambda: self.world.wish(count, name))
        self.act(lambda: self.world.pools.start(name))

    @rule(name=NAMES, keep=st.booleans())
    def stop(self, name: str, keep: bool) -> None:
        self.act(lambda: self.world.pools.stop(name, keep_vfs=keep))

    @rule(name=NAMES, pick=PICK)
    def grow_while_somebody_opens_a_vf(self, name: str, pick: int) -> None:
        self.meet(pick, self.world.open)
        self.start_larger(name)
        self.world.busy.meanwhile = None

    @rule(name=NAMES, pick=PICK)
    def stop_while_an_interface_comes_up(self, name: str, pick: int) -> None:
        self.meet(pick, self.world.kernel.set_up)
        self.act(lambda: self.world.pools.stop(name))
        self.world.busy.meanwhile = None

    @rule(name=NAMES)
    def die_while_growing(self, name: str) -> None:
        def die() -> None:
            raise Death

        self.all_let_go()
        self.world.busy.meanwhile = die
        self.start_larger(name)
        self.world.busy.meanwhile = None

    @rule(pick=FEW, holder=HOLDERS, dies=st.booleans())
    def lease(self, pick: int, holder: Holder, dies: bool) -> None:
        before, now = self.world.leases().get(pick), self.world.node.now()
        with self.world.store.lock(ADDRESS) as held:
            try:
                lease = held.take(pick, holder, VfSettings(), "fast", now)
            except CapacityError as error:
                refused = str(error)
            else:
                refused = ""
            if before is not None and not before.free and before.holder != holder:
                assert str(before.holder) in refused
                SEEN["refused a second holder"] += 1
            if not (refused or dies):
                self.given[pick] = held.confirm(lease, now)

    @rule(pick=PICK, late=st.integers(0, 2))
    def give_back(self, pick: int, late: int) -> None:
        if not self.given:
            return
        index = sorted(self.given)[pick % len(self.given)]
        lease, now = self.given[index], self.world.node.now()
        with self.world.store.lock(ADDRESS) as held:
            try:
                held.finish_return(held.begin_return(lease, lease.generation - late, now), now)
            except RequestError:
                assert late
                SEEN["refused a late return"] += 1
                return
        assert not late
        del self.given[index]

    @rule(pick=FEW)
    def inspect(self, pick: int) -> None:
        lease = self.world.leases().get(pick)
        if lease is not None and lease.state is LeaseState.INSPECT:
            with self.world.store.lock(ADDRESS) as held:
                held.clear(pick, self.world.node.now())

    def meet(self, pick: int, event: Callable[[str], None]) -> None:
        """Let something happen to a VF while Portside is at work, which nobody hinders."""
        self.all_let_go()
        if vf := self.choose(self.world.idle, pick):

            def happen() -> None:
                if vf in self.world.idle:
                    event(vf)

            self.world.busy.meanwhile = happen


def test_nothing_of_ours_takes_a_vf_from_its_holder() -> None:
    SEEN.clear()
    run_state_machine_as_test(
        Guard,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
    # A proof only as far as there was something to prove.
    assert {what for what in WANTED if not SEEN[what]} == set(), SEEN
