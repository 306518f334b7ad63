# SPDX-License-Identifier: Apache-2.0
"""What every command on a node works with; all of it is an argument."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from sidecar.errors import HostError
from sidecar.host.holders import PROCFS
from sidecar.host.numvfs import LATE_SECONDS, SECONDS
from sidecar.host.sysfs import SYSFS, Sysfs
from sidecar.model.settings import VfSettings
from sidecar.state.store import STATE, Store
from sidecar.virt.connection import Libvirt, open_libvirt

SYSTEM: Final = "qemu:///system"
"""The URI that pools are looked for at, as virsh's by root."""
NO_URI: Final = "none"
"""In place of a URI, that this host has no libvirt."""


class Links(Protocol):
    """What a PF's interface does for its VFs; ``sidecar.host.netlink`` does it for real."""

    def set_up(self, ifname: str) -> None:
        """Bring an interface up."""

    def read_settings(self, pf_ifname: str, index: int) -> VfSettings:
        """Return what is set for a VF."""

    def apply_settings(
        self, pf_ifname: str, index: int, settings: VfSettings, *, where: str = ""
    ) -> VfSettings:
        """Set what is given, and read it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host to look at, and what Portside remembers of it.

    Args:
        sysfs: the host's sysfs.
        proc: the host's procfs.
        store: our own state.
        libvirt: opens the host's libvirt, anew for each command: daemons restart.
        has_libvirt: false where somebody says that there is none to ask.
    """

    sysfs: Sysfs
    proc: Path
    store: Store
    libvirt: Callable[[], AbstractContextManager[Libvirt]]
    has_libvirt: bool = True

    @property
    def boot(self) -> str:
        """Return the kernel's boot id (``random(4)``), empty if it cannot be read."""
        try:
            return (self.proc / "sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node(Host):
    """A host to work on.

    Args:
        links: sets what goes over netlink.
        now: the clock, in UTC.
        seconds: how long a write of ``sriov_numvfs`` may take.
        late_seconds: how long VFs may take to come after that.
    """

    links: Links
    now: Callable[[], datetime]
    seconds: float = SECONDS
    late_seconds: float = LATE_SECONDS


def this_node(
    uri: str = SYSTEM,
    *,
    state: Path = STATE,
    sysfs: Path = SYSFS,
    proc: Path = PROCFS,
) -> Node:
    """Return the host that this process runs on, to work on.

    Args:
        uri: of its libvirt, or ``NO_URI``.
        state: the folder of our own state.
        sysfs: the host's sysfs.
        proc: the host's procfs.

    Raises:
        HostError: pyroute2 is not installed.
    """
    from sidecar.host import netlink  # noqa: PLC0415 - pyroute2 is of use on nodes only

    return Node(
        links=netlink,
        libvirt=lambda: _open(uri),
        has_libvirt=uri != NO_URI,
        sysfs=Sysfs(sysfs),
        proc=proc,
        store=Store(state),
        now=lambda: datetime.now(UTC),
    )


def this_host(
    uri: str = SYSTEM, *, state: Path = STATE, sysfs: Sysfs | None = None, proc: Path = PROCFS
) -> Host:
    """Return the host that this process runs on, to look at; arguments as ``this_node``."""
    return Host(
        libvirt=lambda: _open(uri),
        has_libvirt=uri != NO_URI,
        sysfs=sysfs or Sysfs(SYSFS),
        proc=proc,
        store=Store(state),
    )


def _open(uri: str) -> AbstractContextManager[Libvirt]:
    if uri == NO_URI:
        raise HostError(
            "this command needs libvirt", found="--connect none", expected="a libvirt URI"
        )
    return open_libvirt(uri)
