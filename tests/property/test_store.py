# SPDX-License-Identifier: Apache-2.0
"""The store alone against a model of it: never two holders, and no late return has a say."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from sidecar.errors import BusyError, CapacityError, InternalError, RequestError
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.state.store import Store

SHM = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
PF: Final = PciAddress.parse("0000:01:00.0")
HOLDERS: Final = (
    Holder(HolderKind.DOMAIN, "ann", "1"),
    Holder(HolderKind.DOMAIN, "ann", "2"),  # a namesake is somebody else
    Holder(HolderKind.VMI, "shop/bob", "3"),
)
VFS: Final = 2
FREE, TAKING, LEASED, RETURNING, INSPECT = LeaseState
STEPS: Final = {"confirm", "begin", "finish"}


@dataclass
class Vf:
    """What the record of one VF must say."""

    state: LeaseState = FREE
    generation: int = 0
    holder: Holder | None = None
    seen: list[Lease] = field(default_factory=list)
    """Every lease that was handed out, to be returned late."""


class StoreMachine(RuleBasedStateMachine):
    """Two stores on one folder, one of them locked at a time; all that it does is modelled."""

    @initialize()
    def start(self) -> None:
        # In memory if possible: the records are flushed to their disk at each step.
        self.folder = TemporaryDirectory(dir=SHM if SHM.is_dir() else None)
        self.stores = [Store(Path(self.folder.name), clock=self.tick) for _ in range(2)]
        self.now = datetime(2026, 1, 2, tzinfo=UTC)
        self.vfs = [Vf() for _ in range(VFS)]
        self.lock: ExitStack | None = None

    def tick(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    @precondition(lambda self: self.lock is None)
    @rule(which=st.integers(0, 1))
    def enter(self, which: int) -> None:
        """Lock through either store: what was under way is to be inspected."""
        self.lock = ExitStack()
        self.held = self.lock.enter_context(self.stores[which].lock(PF, seconds=0))
        for vf in self.vfs:
            if vf.state in {TAKING, RETURNING}:
                vf.state = INSPECT

    @precondition(lambda self: self.lock is not None)
    @rule()
    def leave(self) -> None:
        assert self.lock is not None
        self.lock.close()
        self.lock = None

    @precondition(lambda self: self.lock is not None)
    @rule(index=st.integers(0, VFS - 1), holder=st.sampled_from(HOLDERS), confirmed=st.booleans())
    def take(self, index: int, holder: Holder, *, confirmed: bool) -> None:
        vf = self.vfs[index]
        if vf.state is LEASED and vf.holder == holder:
            lease = self.held.take(index, holder, VfSettings(), "", self.tick())
            assert lease.generation == vf.generation
        elif vf.state is not FREE:
            self.refused(
                lambda: self.held.take(index, holder, VfSettings(), "", self.tick()),
                CapacityError,
            )
            return
        else:
            lease = self.held.take(index, holder, VfSettings(trust=True), "", self.tick())
            vf.state, vf.holder, vf.generation = TAKING, holder, vf.generation + 1
        vf.seen.append(lease)
        if confirmed and vf.state is TAKING:
            self.held.confirm(lease, self.tick())
            vf.state = LEASED

    @precondition(lambda self: self.lock is not None)
    @rule(data=st.data(), what=st.sampled_from(sorted(STEPS)))
    def go_on(self, data: st.DataObject, what: str) -> None:
        """Confirm, begin or finish, with any lease that ever was: a late one changes nothing."""
        known = [lease for vf in self.vfs for lease in vf.seen]
        if not known:
            return
        # Late ones grow in number, so the newest stands first: it is the simplest example.
        lease = known[-1 - data.draw(st.integers(0, len(known) - 1))]
        vf, now = self.vfs[lease.index], self.tick()
        step: Callable[[], Lease] = {
            "confirm": lambda: self.held.confirm(lease, now),
            "begin": lambda: self.held.begin_return(lease, lease.generation, now),
            "finish": lambda: self.held.finish_return(lease, now),
        }[what]
        allowed = {
            "confirm": {TAKING: LEASED, LEASED: LEASED},
            "begin": {TAKING: RETURNING, LEASED: RETURNING},
            "finish": {RETURNING: FREE},
        }[what]
        if lease.generation != vf.generation or vf.state not in allowed:
            late = lease.generation != vf.generation
            self.refused(step, RequestError if late else InternalError)
            return
        step()
        vf.state = allowed[vf.state]
        vf.holder = None if vf.state is FREE else vf.holder

    @precondition(lambda self: self.lock is not None)
    @rule(index=st.integers(0, VFS - 1), by=st.sampled_from([-2, -1, 1, 2]))
    def return_a_wrong_generation(self, index: int, by: int) -> None:
        """The lease named is the present one, and the generation is not."""
        lease, wrong = (
            self.held.leases().get(index, Lease(PF, index)),
            self.vfs[index].generation + by,
        )
        self.refused(lambda: self.held.begin_return(lease, wrong, self.now), RequestError)

    @precondition(lambda self: self.lock is not None)
    @rule(which=st.integers(0, 1))
    def nobody_else_gets_the_lock(self, which: int) -> None:
        self.refused(self.stores[which].lock(PF, seconds=0).__enter__, BusyError)

    @precondition(lambda self: self.lock is not None)
    @rule(index=st.integers(0, VFS - 1))
    def mark(self, index: int) -> None:
        self.held.mark(index, "somebody doubts it", self.tick())
        self.vfs[index].state = INSPECT

    @precondition(lambda self: self.lock is not None)
    @rule(index=st.integers(0, VFS - 1))
    def clear(self, index: int) -> None:
        vf = self.vfs[index]
        if vf.state is not INSPECT:
            self.refused(lambda: self.held.clear(index, self.tick()), InternalError)
            return
        self.held.clear(index, self.tick())
        vf.state, vf.holder = FREE, None

    def refused(self, act: Callable[[], object], kind: type[Exception]) -> None:
        """Demand an error that leaves every file as it was."""
        before = self.files()
        try:
            act()
        except kind:
            assert self.files() == before
            return
        raise AssertionError("it was not refused")

    def files(self) -> dict[str, bytes]:
        folder = Path(self.folder.name) / "pfs" / str(PF)
        return {path.name: path.read_bytes() for path in folder.glob("*.json")}

    @invariant()
    def every_reader_sees_the_model(self) -> None:
        expected = {
            index: (vf.state, vf.generation, vf.holder)
            for index, vf in enumerate(self.vfs)
            if (vf.state, vf.generation) != (FREE, 0) or self.recorded(index)
        }
        views = [store.leases(PF) for store in self.stores]
        views += [] if self.lock is None else [self.held.leases()]
        for leases in views:
            found = {
                index: (one.state, one.generation, one.holder) for index, one in leases.items()
            }
            assert found == expected
        for holder in HOLDERS:
            mine = [one.index for one in self.stores[0].leases_of(holder)]
            assert mine == [index for index, vf in enumerate(self.vfs) if vf.holder == holder]

    def recorded(self, index: int) -> bool:
        """Tell whether a VF that nobody ever had was marked and cleared."""
        return f"vf-{index}.json" in self.files()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            if self.lock is not None:
                self.lock.close()
            self.folder.cleanup()


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStore = StoreMachine.TestCase
