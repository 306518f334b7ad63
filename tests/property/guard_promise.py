# SPDX-License-Identifier: Apache-2.0
"""What the guard promises on one PF, held after each step whatever the steps are."""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from sidecar.errors import PortsideError
from sidecar.model.lease import Lease, LeaseState
from sidecar.pools.rules.guard import RefusedError
from sidecar.virt.connection import open_libvirt
from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import FakeInterface, FakePf
from tests.property.guard_world import Death, World
from tests.unit.pools.conftest import PF

# A disk's fsync would take most of the time; tests/crash is about the disk.
FAST = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - folders of our own in it
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


class Promise(RuleBasedStateMachine):
    """Two pools on one PF, and what must hold."""

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

    @staticmethod
    def choose(vfs: tuple[str, ...], pick: int) -> str:
        return vfs[pick % len(vfs)] if vfs else ""
