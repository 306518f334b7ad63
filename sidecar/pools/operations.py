# SPDX-License-Identifier: Apache-2.0
"""Pools: what ``portside pool`` and the node agent do with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from sidecar.domainxml.network import read_network, write_minimum
from sidecar.errors import BusyError, HostError
from sidecar.host.drivers import Driver, driver_named
from sidecar.host.functions import read_pf
from sidecar.host.inventory import read_inventory
from sidecar.host.numvfs import count_vfs, read_numvfs
from sidecar.model.missing import no_pool
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolRecord
from sidecar.model.vf import UNKNOWN
from sidecar.pools.apply import Worker
from sidecar.pools.context import Node
from sidecar.pools.find_pf import find_pf
from sidecar.pools.lease_life import LeaseLife
from sidecar.pools.list_pools import Pool, read_pools
from sidecar.pools.observe import look_at
from sidecar.pools.rules.guard import refuse
from sidecar.pools.rules.infiniband import describe_infiniband
from sidecar.pools.rules.plan import Plan, plan_start, plan_stop
from sidecar.pools.rules.situation import Situation
from sidecar.state.locked_pf import HeldPf
from sidecar.virt.connection import Libvirt
from sidecar.virt.networks import Networks

_PROBE_SECONDS: Final = 5.0
"""A PF that answers at all answers in microseconds."""


class Pools:
    """The pools of a host.

    Every method opens libvirt anew, and raises HostError where it, the host or our state
    cannot be read. What changes a PF holds its lock, and raises BusyError if others do.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def define(self, xml: bytes) -> PoolRecord:
        """Define a pool, or define it anew; nothing on the host changes.

        Raises:
            RequestError: the XML is no pool, or asks for what its PF cannot do.
            HostError: libvirt refused it, or the record cannot be written.
        """
        definition, network = read_network(xml)
        pf = find_pf(read_inventory(self._node.sysfs, self._node.proc), definition)
        with self._node.libvirt() as libvirt, self._node.store.lock(pf.address):
            networks = Networks(libvirt)
            old = self._node.store.pool(definition.name)
            if old is not None and old.pf != pf.address and networks.is_active(definition.name):
                raise _moves(old, pf.address)
            known = networks.find(definition.name)
            previous = networks.xml(definition.name, inactive=True) if known else None
            networks.define(network)
            record = PoolRecord(definition, pf.address, old is not None and old.autostart)
            try:
                self._node.store.write_pool(record)
            except HostError:
                if previous is None:
                    networks.undefine(definition.name)
                else:
                    networks.define(previous)
                raise
        return record

    def undefine(self, name: str) -> None:
        """Remove the definition of a stopped pool; its VFs stay.

        Raises:
            HostError: no such pool, or it is active.
        """
        with self._node.libvirt() as libvirt:
            networks = Networks(libvirt)
            network, record = networks.find(name), self._node.store.pool(name)
            if network is None and record is None:
                raise no_pool(name)
            if network is not None and network.active:
                raise HostError(
                    "an active pool cannot be undefined",
                    where=f"pool {name}",
                    todo=f"portside pool stop {name} first",
                )
            if network is not None:
                networks.undefine(name)
            self._node.store.remove_pool(name)

    def list(self) -> tuple[Pool, ...]:
        """Return all pools, also those that others defined, by name."""
        with self._node.libvirt() as libvirt:
            return read_pools(Networks(libvirt), self._node.store)

    def dumpxml(self, name: str) -> bytes:
        """Return a pool's definition, with the number of VFs that it wants.

        Raises:
            HostError: libvirt has no such network.
        """
        record = self._node.store.pool(name)
        with self._node.libvirt() as libvirt:
            networks = Networks(libvirt)
            if record is None and networks.find(name) is None:
                raise no_pool(name)
            xml = networks.xml(name, inactive=True)
        return write_minimum(xml, None if record is None else record.definition.minimum)

    def record(self, name: str) -> PoolRecord:
        """Return what is kept of a pool that was defined through us.

        Raises:
            HostError: there is none.
        """
        record = self._node.store.pool(name)
        if record is None:
            raise no_pool(name)
        return record

    def driver(self, name: str) -> Driver:
        """Return what is known of the driver that a pool's PF has now; its name may be empty.

        Raises:
            HostError: there is no such pool.
        """
        pf = read_pf(self._node.sysfs, str(self.record(name).pf))
        bound = None if pf is None or pf.driver is UNKNOWN else pf.driver
        return driver_named(bound or "")

    def notes(self, name: str) -> tuple[str, ...]:
        """Return what to know of a pool's PF before its VFs are given to guests.

        Raises:
            HostError: there is no such pool.
        """
        pf = read_pf(self._node.sysfs, str(self.record(name).pf))
        return () if pf is None else describe_infiniband(pf)

    def plan(self, name: str) -> Plan:
        """Return what ``start`` would do now; nothing is locked or changed."""
        record = self.record(name)
        with self._node.libvirt() as libvirt:
            return plan_start(self._situation(record, libvirt))

    def start(self, name: str) -> Plan:
        """Give a pool its minimum of VFs, and start its network; return what was done.

        Raises:
            RefusedError: something stands against it; nothing was changed.
            HostError: a step failed; the host is as it was, or the error says what remains.
        """
        with self._working(name) as (situation, worker):
            plan = plan_start(situation)
            refuse(f"pool {name} cannot be started", plan.obstacles)
            worker.run(plan.steps)
        return plan

    def stop(self, name: str, *, keep_vfs: bool = False) -> Plan:
        """Stop a pool's network and remove the VFs that we made; return what was done.

        Raises:
            RefusedError: a VF is in use; the network still runs.
            HostError: as ``start``.
        """
        with self._working(name) as (situation, worker):
            plan = plan_stop(situation, keep_vfs=keep_vfs)
            refuse(f"pool {name} cannot be stopped", plan.obstacles)
            worker.run(plan.steps)
        return plan

    def set_autostart(self, name: str, *, autostart: bool) -> None:
        """Let the node agent start a pool, or not.

        libvirt's own mark is taken away: it would start the network before there are VFs.
        """
        with self._node.libvirt() as libvirt, self._locked(name) as (record, _):
            Networks(libvirt).set_autostart(name, autostart=False)
            self._node.store.write_pool(replace(record, autostart=autostart))

    def recover(self, name: str) -> None:
        """End the quarantine of a pool's PF, if the kernel answers again.

        Raises:
            HostError: the kernel still does not answer, or not what the links say.
        """
        with self._locked(name) as (record, held):
            present = count_vfs(self._node.sysfs, record.pf)
            answer = read_numvfs(self._node.sysfs, record.pf, _PROBE_SECONDS)
            if answer != present:
                raise HostError(
                    "the PF remains in quarantine",
                    where=f"sriov_numvfs of {record.pf}",
                    found="no answer" if answer is UNKNOWN else f"{answer}",
                    expected=f"{present}, equal to the number of virtfn links",
                    todo="Something holds a VF that is being removed: portside vf list shows it",
                )
            held.write_record(replace(held.record(), quarantine=""))

    @contextmanager
    def _locked(self, name: str) -> Iterator[tuple[PoolRecord, HeldPf]]:
        """Hold a pool's PF; it may have been defined on another one while we waited for that."""
        record = self.record(name)
        with self._node.store.lock(record.pf) as held:
            again = self.record(name)
            if again.pf != record.pf:
                raise BusyError(
                    "the pool was moved to another PF in the meantime",
                    where=f"pool {name}",
                    found=f"{record.pf} before, {again.pf} now",
                    todo="Try again",
                )
            yield again, held

    @contextmanager
    def _working(self, name: str) -> Iterator[tuple[Situation, Worker]]:
        with self._node.libvirt() as libvirt, self._locked(name) as (record, held):
            situation = self._situation(record, libvirt)
            if self._end_stale_leases(held, situation):
                situation = self._situation(record, libvirt)
            yield situation, Worker(self._node, libvirt, held, situation)

    def _end_stale_leases(self, held: HeldPf, situation: Situation) -> int:
        """Return the leases of domains that are gone: they would stand against everything."""
        view, pf_name = situation.view, situation.record.definition.pf_name
        return LeaseLife(self._node, held, view.pf, pf_name).end_stale(view)

    def _situation(self, record: PoolRecord, libvirt: Libvirt) -> Situation:
        view = look_at(self._node, record.pf, libvirt)
        pools = read_pools(Networks(libvirt), self._node.store)
        interfaces = () if view.pf.interfaces is UNKNOWN else view.pf.interfaces
        names = {one.name for one in interfaces}
        driver = driver_named(str(view.pf.driver))
        name = record.definition.name
        return Situation(
            record,
            view,
            active=any(one.active and one.definition.name == name for one in pools),
            sharers=tuple(
                one.definition.name
                for one in pools
                if one.active and one.definition.pf_name in names and one.definition.name != name
            ),
            limit=driver.limit,
            configures=driver.configures,
            hints=driver.hints,
        )


def _moves(old: PoolRecord, pf: PciAddress) -> HostError:
    return HostError(
        "an active pool cannot move to another PF",
        where=f"pool {old.definition.name}",
        found=f"active on {old.pf}, to be defined on {pf}",
        todo=f"portside pool stop {old.definition.name} first",
    )
