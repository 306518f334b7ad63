# SPDX-License-Identifier: Apache-2.0
"""SIGKILL at every change that a lease's life makes: no VF is free with a guest's things on it."""

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from sidecar.host.inventory import read_inventory
from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.model.vf import PhysicalFunction, VirtualFunction
from sidecar.pools.context import Node
from sidecar.pools.lease_life import LeaseLife
from sidecar.pools.rules.restore import parking_mac
from sidecar.state.files import Folder
from sidecar.state.locked_pf import HeldPf
from sidecar.state.store import Store
from tests.crash.killing import Moment, run_until_killed
from tests.unit.pools.conftest import PF, PoolHost, make_host

ADDRESS = PciAddress.parse(PF)
ANN = Holder(HolderKind.VMI, "shop/ann", "1")
BOB = Holder(HolderKind.DOMAIN, "bob", "2")
SETTINGS = {
    ANN: VfSettings(MacAddress("52:54:00:00:00:0a"), PortVlan(7)),
    BOB: VfSettings(MacAddress("52:54:00:00:00:0b"), trust=True),
}


class DiskLinks:
    """What a PF keeps for its VFs, on a disk that outlives a killed process."""

    def __init__(self, host: PoolHost, folder: Path) -> None:
        folder.mkdir(parents=True)
        self._host, self._folder = host, folder

    def set_up(self, ifname: str) -> None:
        raise AssertionError(f"{ifname} is up")

    def read_settings(self, pf_ifname: str, index: int) -> VfSettings:
        with Folder(self._folder) as folder:
            data = folder.read(f"{pf_ifname}-{index}")
        # A driver tells what a VF has from the beginning.
        fresh = VfSettings(MacAddress(f"02:00:00:00:ff:{index:02x}"), PortVlan(0), trust=False)
        settings: VfSettings = fresh if data is None else pickle.loads(data)  # noqa: S301 - our own
        return settings

    def apply_settings(
        self, pf_ifname: str, index: int, settings: VfSettings, *, where: str = ""
    ) -> VfSettings:
        del where
        before = self.read_settings(pf_ifname, index)
        after = VfSettings(
            settings.mac or before.mac,
            settings.vlan or before.vlan,
            trust=before.trust if settings.trust is None else settings.trust,
        )
        # First, so that whoever is killed in between sets both again.
        self._host.kernel.set_mac(self._host.vfs()[index], str(after.mac))
        with Folder(self._folder) as folder:
            folder.write(f"{pf_ifname}-{index}", pickle.dumps(after))
        return after


@dataclass(frozen=True)
class World:
    """A host with one VF, and records of its own."""

    host: PoolHost
    node: Node

    @property
    def vf(self) -> str:
        return self.host.vfs()[0]

    def act(self, what: Callable[[LeaseLife, HeldPf, VirtualFunction], object]) -> None:
        """Do something with the VF and its lease, as any command does."""
        with self.node.store.lock(ADDRESS, seconds=1) as held:
            pf = read_inventory(self.node.sysfs, self.node.proc).find(ADDRESS)
            assert isinstance(pf, PhysicalFunction)
            assert isinstance(pf.vfs, tuple)
            what(LeaseLife(self.node, held, pf), held, pf.vfs[0])

    def take(self, holder: Holder) -> None:
        self.act(lambda life, _, vf: life.confirm(life.take(vf, holder, SETTINGS[holder])))

    def take_and_undo(self, holder: Holder) -> None:
        self.act(lambda life, _, vf: life.undo(life.take(vf, holder, SETTINGS[holder])))

    def give_back(self) -> None:
        self.act(lambda life, held, vf: life.give_back(held.leases()[0], vf, "a test ended it"))

    def use(self) -> None:
        """Give the VF to a guest and back to its network driver, which takes the guest's MAC."""
        self.host.bind_vfio(self.vf)
        self.host.bind_native(self.vf)

    def check(self, steps: str) -> None:
        """Demand that what is on record agrees with the card."""
        with self.node.store.lock(ADDRESS, seconds=1) as held:
            lease = held.leases().get(0)
        kept = self.node.links.read_settings("eth1", 0)
        guests = {str(one.mac) for one in SETTINGS.values()}
        if lease is None or lease.free:
            assert str(kept.mac) not in guests, steps
            assert (kept.vlan, kept.trust) == (PortVlan(0), False), steps
            assert self.host.kernel.mac(self.vf) not in guests, steps
        elif lease.state is LeaseState.LEASED:
            assert lease.holder is not None
            assert SETTINGS[lease.holder].beyond(kept).asks_nothing, steps
        else:
            assert lease.state is LeaseState.INSPECT, steps
            assert lease.reason, steps

    def mend(self) -> None:
        """End whatever lease there is, as ``lease clear`` and a repeated PostVMStop do."""
        if not self.node.store.leases(ADDRESS)[0].free:
            self.give_back()


@pytest.fixture
def host(memory: Path) -> Iterator[PoolHost]:
    with make_host(memory) as host:
        host.make(1)
        yield host


def world(host: PoolHost, root: Path) -> World:
    links = DiskLinks(host, root / "card")
    node = replace(host.node, links=links, store=Store(root / "state"))
    host.kernel.set_mac(host.vfs()[0], "02:00:00:00:ff:00")
    if host.kernel.driver(host.vfs()[0]) != "igbvf":
        host.bind_native(host.vfs()[0])
    return World(host, node)


LIVES = {
    "taken": [lambda one: one.take(ANN), World.give_back, lambda one: one.take(BOB)],
    "undone": [lambda one: one.take_and_undo(ANN), lambda one: one.take(BOB)],
    "taken anew": [lambda one: one.take(ANN), lambda one: one.take(ANN)],
}


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("life", LIVES)
def test_whenever_it_is_killed_the_records_agree_with_the_card(
    host: PoolHost, memory: Path, life: str, moment: Moment
) -> None:
    for number in count(1):
        one = world(host, memory / f"run-{number}")
        finished = run_until_killed(number, moment, [partial(act, one) for act in LIVES[life]])
        one.check(f"killed at {number}, {finished} steps done")
        if finished is None:
            break
        if one.node.store.leases(ADDRESS):
            one.mend()
            one.check(f"mended after {number}")
            assert one.node.store.leases(ADDRESS)[0].free
            one.take(BOB)
            one.check("taken by the next")
    assert number > 15


@pytest.mark.parametrize("moment", Moment)
def test_no_interface_of_a_free_vf_keeps_a_guests_address(
    host: PoolHost, memory: Path, moment: Moment
) -> None:
    for number in count(1):
        one = world(host, memory / f"run-{number}")
        one.take(ANN)
        one.use()
        assert host.kernel.mac(one.vf) == str(SETTINGS[ANN].mac)
        finished = run_until_killed(number, moment, [one.give_back])
        one.check(f"killed at {number}")
        one.mend()
        one.check(f"mended after {number}")
        assert host.kernel.mac(one.vf) == str(parking_mac(PciAddress.parse(one.vf)))
        if finished is None:
            break
    assert number > 8
