# SPDX-License-Identifier: Apache-2.0
"""Whatever happens on a host, in whichever order: nothing of ours takes a VF from its holder.

The kernel is the fake one, which the card's answers are held against; libvirt is its own test
driver; records, locks, writes and errnos are real.
"""

import errno
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from sidecar.errors import CapacityError, PortsideError, RequestError
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.settings import VfSettings
from sidecar.pool.guard import RefusedError
from sidecar.virt.connection import open_libvirt
from tests.fakes.behaviour import BEHAVIOURS, Behaviour
from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import FakeInterface, FakePf
from tests.property.guard_world import ADDRESS, Death, World
from tests.unit.node.conftest import PF

NAMES = st.sampled_from(("fast", "slow"))
HOLDERS = st.sampled_from([Holder(HolderKind.VMI, f"default/vm-{n}") for n in range(3)])
PICK, FEW = st.integers(0, 6), st.integers(0, 2)
"""Which VF; leases of few, so that they meet."""
EXAMPLES, STEPS = 50, 50
# A disk's fsync would take most of the time; tests/crash is about the disk.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - folders of our own in it
MISBEHAVIOUR = st.sampled_from(
    (
        BEHAVIOURS["igb"],
        BEHAVIOURS["igb"],
        Behaviour(makes_at_most=2),
        Behaviour(if_down=0),
        Behaviour(refuses=errno.EAGAIN),
        Behaviour(limit=3),
    )
)
LAST_LOOK = re.compile(r"was not written to sriov_numvfs; found \S+: (is open|interface)")
SEEN: Counter[str] = Counter()
WANTED = (
    "done",
    "refused",
    "died",
    "stopped by the last look",
    "changed the number",
    "acted beside a holder",
    "named holders",
    "refused a second holder",
    "refused a late return",
)


class Guard(RuleBasedStateMachine):
    """Pools, leases, guests, crashes, other tools and a driver, on one PF."""

    @initialize()
    def begin(self) -> None:
        self._stack = ExitStack()
        folder = Path(tempfile.mkdtemp(dir=FAST))
        self._stack.callback(shutil.rmtree, folder)
        (folder / "node.xml").write_text("<node/>")
        pf = FakePf(address=PF, interfaces=[FakeInterface("eth1")], group=1)
        kernel = self._stack.enter_context(FakeKernel(folder, [pf]))
        libvirt = self._stack.enter_context(open_libvirt(f"test://{folder}/node.xml"))
        self.world = World(kernel, libvirt, folder)
        self.given: dict[int, Lease] = {}
        self.boots = 0
        for name in ("fast", "slow"):
            self.world.define(2, name)

    def teardown(self) -> None:
        if hasattr(self, "_stack"):
            self._stack.close()

    # What Portside does.

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

    # What others do.

    @rule(pick=PICK, paused=st.booleans())
    def a_domain_starts(self, pick: int, paused: bool) -> None:
        if vf := self.choose(self.world.idle, pick):
            self.world.start_domain(vf, paused=paused)

    @rule(pick=PICK)
    def a_process_opens_a_vf(self, pick: int) -> None:
        if vf := self.choose(self.world.idle, pick):
            self.world.open(vf)

    @rule(pick=PICK)
    def a_pod_gets_an_interface(self, pick: int) -> None:
        vf = self.choose(self.world.idle, pick)
        if vf and self.world.kernel.driver(vf) == "igbvf":
            self.world.kernel.move(vf, "pod")

    @rule(pick=PICK)
    def an_interface_comes_up(self, pick: int) -> None:
        if vf := self.choose(self.world.idle, pick):
            self.world.kernel.set_up(vf)

    @rule(pick=PICK)
    def somebody_lets_go(self, pick: int) -> None:
        if vf := self.choose(self.world.used, pick):
            self.world.let_go(vf)

    @rule()
    def all_let_go(self) -> None:
        for vf in self.world.used:
            self.world.let_go(vf)

    @rule(count=st.integers(0, 8))
    def another_tool_writes(self, count: int) -> None:
        """Who does not ask takes VFs from their holders: that is what all this is about."""
        self.world.kernel.write(f"{PF},sriov_numvfs", str(count))
        if not self.world.vfs():
            self.forget_domains()

    @rule(behaviour=MISBEHAVIOUR)
    def the_driver_changes_its_mind(self, behaviour: Behaviour) -> None:
        self.world.kernel.behaviours["igb"] = behaviour

    @rule(up=st.booleans())
    def the_link_changes(self, up: bool) -> None:
        self.world.kernel.set_up(PF, up=up)

    @precondition(lambda self: hasattr(self, "boots") and self.boots == 0)
    @rule()
    def the_host_boots(self) -> None:
        self.boots += 1
        self.world.kernel.write(f"{PF},sriov_numvfs", "0")
        self.forget_domains()
        self.world.boot(f"boot {self.boots}")

    # What must hold.

    def act(self, action: Callable[[], object]) -> None:
        """Do something of ours, which may fail, and hold it to the promise."""
        world = self.world
        protected, flaps = world.protected(), world.kernel.flaps(PF)
        outcome = "done"
        try:
            action()
        except RefusedError as error:
            outcome = "refused"
            self.check_refusal(error, protected)
            assert world.kernel.flaps(PF) == flaps
        except Death:
            outcome = "died"
        except PortsideError as error:
            outcome = "stopped by the last look" if LAST_LOOK.search(str(error)) else "failed"
        changed = world.kernel.flaps(PF) != flaps
        SEEN[outcome] += 1
        SEEN["changed the number"] += changed
        if protected:
            SEEN["acted beside a holder"] += 1
            assert not changed, protected

    def check_refusal(self, error: RefusedError, protected: dict[str, tuple[str, ...]]) -> None:
        assert error.obstacles
        texts = [str(one) for one in error.obstacles]
        assert all(texts)
        if any(text.startswith("VF ") for text in texts):
            SEEN["named holders"] += 1
            # Who came meanwhile is named too.
            for vf, names in {**protected, **self.world.protected()}.items():
                (text,) = [one for one in texts if f"({vf})" in one]
                assert all(name in text for name in names), (text, names)

    @invariant()
    def nothing_was_taken_by_us(self) -> None:
        if hasattr(self, "world"):
            assert [one for one in self.world.kernel.taken if one.pid] == []
            assert [pid for pid in self.world.kernel.stuck if pid] == []

    @invariant()
    def no_lease_is_lost_or_held_twice(self) -> None:
        if not hasattr(self, "world"):
            return
        leases = self.world.leases()
        for index, lease in self.given.items():
            assert leases[index] == lease
            assert lease.state is LeaseState.LEASED

    def meet(self, pick: int, event: Callable[[str], None]) -> None:
        """Let something happen to a VF while Portside is at work, which nobody hinders."""
        self.all_let_go()
        if vf := self.choose(self.world.idle, pick):

            def happen() -> None:
                if vf in self.world.idle:
                    event(vf)

            self.world.busy.meanwhile = happen

    def forget_domains(self) -> None:
        for vf in list(self.world.domains):
            self.world.end_domain(vf)

    @staticmethod
    def choose(vfs: tuple[str, ...], pick: int) -> str:
        return vfs[pick % len(vfs)] if vfs else ""


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
