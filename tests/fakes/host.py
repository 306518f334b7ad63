# SPDX-License-Identifier: Apache-2.0
"""A host with SR-IOV cards for the node's parts: a tree of files, links, and real records."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from sidecar.errors import HostError
from sidecar.host.sysfs import Sysfs
from sidecar.model.lease import Lease
from sidecar.model.pci import PciAddress
from sidecar.pools.context import Node
from sidecar.state.store import Store
from sidecar.virt.connection import Libvirt
from tests.fakes.links import FakeLinks
from tests.fakes.sriov import FakeInterface, FakePf, FakeSysfs, FakeVf, make_procfs

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VFS = 3
PFS = tuple(
    FakePf(
        address=f"0000:0{number}:00.0",
        interfaces=[FakeInterface(f"eth{number}")],
        vfs=[FakeVf("vfio-pci", group=10 * number + index) for index in range(VFS)],
    )
    for number in (1, 2)
)
"""Two PFs that are down, with three VFs each that VFIO has and nobody uses."""


class Host:
    """The host at ``folder``; ``pfs`` are its cards."""

    def __init__(self, folder: Path, pfs: Sequence[FakePf] = PFS) -> None:
        self.pfs = pfs
        self.state = folder / "state"
        self.tree = FakeSysfs(folder / "sys", pfs)
        self.proc = make_procfs(folder / "proc", {})
        self.links = FakeLinks()
        self.store = Store(self.state)
        self.node = Node(
            links=self.links,
            libvirt=no_libvirt,
            sysfs=Sysfs(folder / "sys"),
            proc=self.proc,
            store=self.store,
            now=lambda: NOW,
        )

    def vf(self, index: int, pf: int = 0) -> str:
        """Return a VF's address."""
        return self.pfs[pf].vf_address(index)

    def open(self, index: int, pf: int = 0, *, count: int = 1) -> None:
        """Have somebody open a VF through VFIO, or close it."""
        (self.tree.function(self.vf(index, pf)) / "enable").write_text(f"{count}\n")

    def lease(self, index: int, pf: int = 0) -> Lease:
        """Return a VF's record."""
        address = PciAddress.parse(self.pfs[pf].address)
        return self.store.leases(address).get(index) or Lease(address, index)


def no_libvirt() -> AbstractContextManager[Libvirt]:
    """Stand for a libvirt that does not open."""
    raise HostError("cannot open libvirt", where="qemu:///system", found="no such file")


def vmi(
    name: str,
    entries: Sequence[Mapping[str, object]] = (),
    *,
    uid: str = "",
    allocations: Mapping[str, str] | None = None,
    status: Mapping[str, object] | None = None,
) -> bytes:
    """Return a VMI; its uid is its name's unless given."""
    annotations = {}
    if entries:
        annotations["portside.io/vfs"] = json.dumps(entries)
    if allocations is not None:
        annotations["portside.io/vf-allocations"] = json.dumps(allocations)
    metadata = {"namespace": "default", "name": name, "uid": uid or f"uid-of-{name}"}
    document = {"metadata": {**metadata, "annotations": annotations}, "status": status or {}}
    return json.dumps(document).encode()
