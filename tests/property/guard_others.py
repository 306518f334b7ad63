# SPDX-License-Identifier: Apache-2.0
"""What others do to a PF and its VFs: guests, pods, other tools, its driver and the host."""

import errno

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.fakes.behaviour import BEHAVIOURS, Behaviour
from tests.property.guard_promise import Promise
from tests.unit.pools.conftest import PF

PICK = st.integers(0, 6)
"""Which VF."""
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


class Others(Promise):
    """Holders that come and go, and those who ask nobody."""

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

    def forget_domains(self) -> None:
        for vf in list(self.world.domains):
            self.world.end_domain(vf)
