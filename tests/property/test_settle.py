# SPDX-License-Identifier: Apache-2.0
"""A layout that is known without another run is the one that a run would give."""

from collections import Counter
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from sidecar.domainxml.buses import Place
from sidecar.domainxml.inventory import take_inventory
from sidecar.domainxml.layout import Layout, count_ports, lay_out
from sidecar.domainxml.mutate import mutate
from sidecar.domainxml.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.model.request import DeviceTotal
from tests.property.test_mutate import MANY
from tests.property.vms import Vm, vms


@dataclass(frozen=True, slots=True)
class Compared(Planner):
    """The planner; what it settles is compared with a run."""

    seen: Counter[bool] = field(default_factory=Counter)

    def settle(self, layout: Layout, tried: list[Place]) -> Layout | None:
        settled = Planner.settle(self, layout, tried)
        self.seen[settled is not None] += 1
        if settled is not None:
            run = lay_out(settled.inventory)
            assert settled.places == run.places
            assert settled.added == run.added == []
            assert count_ports(settled) == count_ports(run)
            assert describe(settled) == describe(run)
            # Nor does it rest on what was noted of the controllers: all is read anew.
            fresh = lay_out(take_inventory(settled.inventory.domain))
            assert describe(settled) == describe(fresh)
            assert sorted(settled.places.values()) == sorted(fresh.places.values())
        return settled


def describe(layout: Layout) -> list[object]:
    return [(bus.model, bus.flags, bus.taken) for bus in layout.buses.buses]


def test_what_is_settled_is_what_a_run_gives() -> None:
    source = Compared()

    @MANY
    @given(vms(), st.integers(1, 32))
    def run(vm: Vm, total: int) -> None:
        # KubeVirt up to 1.5 says no version, so that ports go in while nothing is placed.
        asked = DeviceTotal(total, 0, "test")
        request = replace(vm.request, topology_version=None, vfs=(), teaming=(), interfaces=asked)
        try:
            mutate(vm.domain, request, source)
        except (RequestError, CapacityError):
            return

    run()
    assert source.seen[True] > 20
    assert source.seen[False] > 0
