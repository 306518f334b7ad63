# SPDX-License-Identifier: Apache-2.0
"""A host to manage pools on: the fake kernel, libvirt's own test driver, real records."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.settings import VfSettings
from sidecar.pools.context import Node
from sidecar.pools.operations import Pools
from sidecar.state.store import Store
from sidecar.virt.connection import Libvirt, open_libvirt
from sidecar.virt.networks import Networks
from tests.fakes.kernel import FakeKernel
from tests.fakes.links import FakeLinks
from tests.fakes.sriov import FakeInterface, FakePf, make_procfs

PF, OTHER = "0000:01:00.0", "0000:02:00.0"


class Links(FakeLinks):
    """A PF's interface whose link is the fake kernel's, and which forgets what went."""

    def __init__(self, kernel: FakeKernel) -> None:
        super().__init__()
        self._kernel = kernel
        self._flaps = 0

    def set_up(self, ifname: str) -> None:
        super().set_up(ifname)
        self._kernel.set_up(PF)

    def apply_settings(
        self, pf_ifname: str, index: int, settings: VfSettings, *, where: str = ""
    ) -> VfSettings:
        after = super().apply_settings(pf_ifname, index, settings, where=where)
        if after.mac is not None:
            self._kernel.set_mac(self._kernel.vfs(PF)[index], str(after.mac))
        return after

    def read_settings(self, pf_ifname: str, index: int) -> VfSettings:
        if self._kernel.flaps(PF) != self._flaps:
            self._flaps = self._kernel.flaps(PF)
            self.settings.clear()
        return super().read_settings(pf_ifname, index)


class PoolHost:
    """Two PFs with up to seven VFs each, and what Portside knows of them."""

    def __init__(self, kernel: FakeKernel, libvirt: Libvirt, folder: Path) -> None:
        self.kernel = kernel
        self.networks = Networks(libvirt)
        self.links = Links(kernel)
        self.proc = make_procfs(folder / "proc", {})
        self.boot("first")
        self.state = folder / "state"
        self.store = Store(self.state)
        self.node = Node(
            links=self.links,
            libvirt=lambda: nullcontext(libvirt),
            # The fake's interfaces are in nobody's network namespace.
            sysfs=Sysfs(kernel.root, addressed=frozenset()),
            proc=self.proc,
            store=self.store,
            now=lambda: datetime(2026, 1, 2, tzinfo=UTC),
            seconds=2.0,
        )
        self.pools = Pools(self.node)

    def boot(self, identity: str) -> None:
        path = self.proc / "sys/kernel/random/boot_id"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{identity}\n")

    def define(self, count: int | None, name: str = "fast", pf: str = "eth1") -> None:
        vf = "" if count is None else f"<vf num='{count}'/>"
        self.pools.define(
            f"<network><name>{name}</name><forward mode='hostdev' managed='yes'>"
            f"<pf dev='{pf}'>{vf}</pf></forward></network>".encode()
        )

    def want(self, count: int) -> None:
        """Define the pool anew, past libvirt: its test driver forgets what an active one was."""
        record = self.pools.record("fast")
        self.store.write_pool(replace(record, definition=replace(record.definition, minimum=count)))

    def make(self, count: int, pf: str = PF) -> tuple[str, ...]:
        """Make VFs as another tool of the host does."""
        assert self.kernel.write(f"{pf},sriov_numvfs", str(count)) == 0
        return self.kernel.vfs(pf)

    def bind_vfio(self, vf: str) -> None:
        for name, text in (
            (f"{vf},driver_override", "vfio-pci"),
            ("igbvf,unbind", vf),
            (",drivers_probe", vf),
        ):
            assert self.kernel.write(name, text) == 0
        assert self.kernel.driver(vf) == "vfio-pci"

    def bind_native(self, vf: str) -> None:
        """Give a VF back to its network driver, as libvirt does."""
        for name, text in (
            (f"{vf},driver_override", "\n"),
            ("vfio-pci,unbind", vf),
            (",drivers_probe", vf),
        ):
            assert self.kernel.write(name, text) == 0
        assert self.kernel.driver(vf) == "igbvf"

    def vfs(self) -> tuple[str, ...]:
        return self.kernel.vfs(PF)

    @property
    def record(self) -> object:
        return self.store.record(PciAddress.parse(PF))


@contextmanager
def make_host(folder: Path, *, shared: bool = False) -> Iterator[PoolHost]:
    """Make a host below ``folder``; ``shared`` puts a card's VFs into the card's own group."""
    pfs = [
        FakePf(address=address, interfaces=[FakeInterface(name)], group=group)
        for address, name, group in ((PF, "eth1", 11), (OTHER, "eth2", 31))
    ]
    (folder / "node.xml").write_text("<node/>")
    with (
        FakeKernel(folder, pfs, shared=shared) as kernel,
        open_libvirt(f"test://{folder}/node.xml") as libvirt,
    ):
        yield PoolHost(kernel, libvirt, folder)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PoolHost]:
    with make_host(tmp_path) as host:
        yield host
