# SPDX-License-Identifier: Apache-2.0
"""A host for the guard's proof: who has which VF, and ways to die in the midst of work."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sidecar.model.lease import Lease, LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.pools.operations import Pools
from sidecar.virt.connection import Libvirt
from tests.fakes.kernel import FakeKernel
from tests.unit.pools.conftest import PF, Links, PoolHost

ADDRESS = PciAddress.parse(PF)
DOMAIN = """\
<domain type='test'><name>{name}</name><memory>1024</memory><os><type>hvm</type></os>
<devices><hostdev mode='subsystem' type='pci' managed='no'><source>
<address domain='{0.domain}' bus='{0.bus}' slot='{0.slot}' function='{0.function}'/>
</source></hostdev></devices></domain>
"""


class Death(BaseException):
    """The process ends here: nothing of the program handles it, and its locks go with it."""


class BusyLinks(Links):
    """Links during whose use other things happen: ``meanwhile`` once, at the next call."""

    meanwhile: Callable[[], None] | None = None

    def set_up(self, ifname: str) -> None:
        self._happen()
        super().set_up(ifname)

    def read_settings(self, pf_ifname: str, index: int) -> VfSettings:
        self._happen()
        return super().read_settings(pf_ifname, index)

    def _happen(self) -> None:
        event, self.meanwhile = self.meanwhile, None
        if event is not None:
            event()


class World(PoolHost):
    """One PF, its pools and leases, guests of libvirt and others."""

    def __init__(self, kernel: FakeKernel, libvirt: Libvirt, folder: Path) -> None:
        super().__init__(kernel, libvirt, folder)
        self.busy = BusyLinks(kernel)
        self.node = replace(self.node, links=self.busy, seconds=5.0)
        self.pools = Pools(self.node)
        self.domains: dict[str, str] = {}
        self._libvirt = libvirt
        self._started = 0

    def wish(self, count: int | None, name: str) -> None:
        """Define a pool anew; past libvirt, whose test driver shows no active network's XML."""
        record = self.pools.record(name)
        if self.networks.is_active(name):
            definition = replace(record.definition, minimum=count)
            self.store.write_pool(replace(record, definition=definition))
        else:
            self.define(count, name)

    @property
    def idle(self) -> tuple[str, ...]:
        """The VFs that nobody uses."""
        return tuple(vf for vf in self.vfs() if not self.kernel.user(vf) and vf not in self.domains)

    @property
    def used(self) -> tuple[str, ...]:
        """The VFs that somebody uses."""
        return tuple(vf for vf in self.vfs() if self.kernel.user(vf))

    def open(self, vf: str, *, lets_go: bool = True) -> None:
        """Open a VF as a process that libvirt knows nothing of."""
        if self.kernel.driver(vf) != "vfio-pci":
            self.bind_vfio(vf)
        self.kernel.hold(vf, "a process", lets_go=lets_go)

    def start_domain(self, vf: str, *, paused: bool) -> None:
        """Start a domain with a VF; a paused one will not let go when the kernel asks."""
        self._started += 1
        name = f"guest-{self._started}"
        xml = DOMAIN.format(PciAddress.parse(vf), name=name)
        domain = self._libvirt.connection.createXML(xml, 0)
        self.open(vf, lets_go=not paused)
        if paused:
            domain.suspend()
        self.domains[vf] = name

    def let_go(self, vf: str) -> None:
        """End who uses a VF."""
        self.end_domain(vf)
        self.kernel.release(vf)
        if self.kernel.user(vf):
            self.kernel.set_up(vf, up=False)

    def end_domain(self, vf: str) -> None:
        """End the domain that has a VF, or had it."""
        name = self.domains.pop(vf, None)
        if name is not None:
            self._libvirt.connection.lookupByName(name).destroy()

    def leases(self) -> dict[int, Lease]:
        """Return the records as anybody reads them."""
        return dict(self.store.leases(ADDRESS))

    def protected(self) -> dict[str, tuple[str, ...]]:
        """Return the VFs that nothing of ours may take, and who each refusal must name.

        Where somebody is seen to use a VF, a record that is in doubt need not be told as well.
        """
        found: dict[str, tuple[str, ...]] = {}
        leases = self.leases()
        for index, vf in enumerate(self.vfs()):
            lease = leases.get(index)
            names = [f"domain {self.domains[vf]}"] if vf in self.domains else []
            user = self.kernel.user(vf)
            if lease is not None and not lease.free:
                doubtful = lease.state is not LeaseState.LEASED
                names += [] if doubtful and (names or user) else [str(lease.holder)]
            if names or user:
                found[vf] = tuple(names)
        return found
