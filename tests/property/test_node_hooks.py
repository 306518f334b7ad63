# SPDX-License-Identifier: Apache-2.0
"""PreVMStart and PostVMStop, in any order and repetition: one holder a VF, and none forgotten."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.agent.prepare import Preparer
from sidecar.agent.release import give_back
from sidecar.errors import CapacityError, HostError, PortsideError
from sidecar.model.lease import LeaseState
from tests.fakes.host import PFS, VFS, Host, vmi

SHM = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
Vf = tuple[int, int]
"""Number of the PF and of its VF."""
ALL = [(pf, index) for pf in range(len(PFS)) for index in range(VFS)]
WISHES: Mapping[str, Sequence[Vf]] = {
    "one": [(0, 0), (0, 1)],
    "two": [(0, 1), (1, 0)],
    "three": [(1, 0), (0, 0), (1, 2)],
    "four": [(1, 1)],
}


@dataclass(frozen=True)
class Step:
    """What happens: a call for a VMI, perhaps while a VF refuses settings; or its VM runs, ends."""

    what: str
    name: str
    refused: frozenset[int]


STEPS = st.builds(
    Step,
    st.sampled_from(["start", "start", "stop", "run", "end"]),
    st.sampled_from(sorted(WISHES)),
    st.frozensets(st.integers(0, VFS - 1), max_size=1),
)


class Model:
    """Who must hold what, by the calls that succeeded; and which VMs run."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.holders: dict[Vf, str] = {}
        self.running: set[str] = set()

    def take(self, step: Step) -> None:
        name, mine = step.name, [vf for vf, by in self.holders.items() if by == step.name]
        if step.what == "start":
            self._start(step)
        elif step.what == "run" and mine:
            self._open(mine, 1)
            self.running.add(name)
        elif step.what == "end":
            self._open(mine, 0)
            self.running.discard(name)
        elif step.what == "stop":
            self._stop(name, mine)

    def _start(self, step: Step) -> None:
        entries = [
            {"name": f"v{number}", "address": self.host.vf(index, pf), "vlan": {"id": 7}}
            for number, (pf, index) in enumerate(WISHES[step.name])
        ]
        taken = any(self.holders.get(vf, step.name) != step.name for vf in WISHES[step.name])
        fails = step.name not in self.running and any(
            index in step.refused for _, index in WISHES[step.name]
        )
        self.host.links.refused = set(step.refused)
        error = self._prepare(vmi(step.name, entries))
        if taken:
            assert isinstance(error, CapacityError)
            assert "belongs to vmi default/" in str(error)
        elif fails:
            assert isinstance(error, HostError)
        else:
            assert error is None
            self.holders |= dict.fromkeys(WISHES[step.name], step.name)
        self.host.links.refused = set()

    def _prepare(self, document: bytes) -> PortsideError | None:
        try:
            Preparer(self.host.node, None).prepare(document)
        except PortsideError as error:
            return error
        return None

    def _stop(self, name: str, mine: Sequence[Vf]) -> None:
        if name not in self.running:
            give_back(self.host.node, vmi(name))
            for vf in mine:
                del self.holders[vf]

    def _open(self, vfs: Sequence[Vf], count: int) -> None:
        for pf, index in vfs:
            self.host.open(index, pf, count=count)

    def check(self) -> None:
        for pf, index in ALL:
            lease, holder = self.host.lease(index, pf), self.holders.get((pf, index))
            assert lease.state is (LeaseState.LEASED if holder else LeaseState.FREE)
            assert holder is None or (lease.holder and lease.holder.uid == f"uid-of-{holder}")


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=25))
def test_no_vf_has_two_holders_and_none_is_lost(steps: Sequence[Step]) -> None:
    # In memory if possible: the records are flushed to their disk at each step.
    with tempfile.TemporaryDirectory(dir=SHM if SHM.is_dir() else None) as folder:
        model = Model(Host(Path(folder)))
        for step in steps:
            model.take(step)
            model.check()
        for name in WISHES:
            model.take(Step("end", name, frozenset()))
            model.take(Step("stop", name, frozenset()))
        assert model.holders == {}
        model.check()
