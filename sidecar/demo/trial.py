# SPDX-License-Identifier: Apache-2.0
"""Boot a VM in three ways, and see how many NICs its QEMU takes."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sidecar.demo.cases import Case
from sidecar.demo.hook import RunningHook
from sidecar.demo.launcher import boot
from sidecar.demo.plug import Plugged, plug
from sidecar.domainxml.startable import count_root_ports
from sidecar.virt.connection import Libvirt


class Way(StrEnum):
    """Who reserves ports."""

    BARE = "libvirt alone"
    KUBEVIRT = "KubeVirt 1.9"
    SIDECAR = "with portside"


@dataclass(frozen=True, slots=True)
class Trial:
    """One boot, and what came of it. ``domain`` is libvirt's XML of what booted."""

    way: Way
    domain: bytes
    calls: int
    plugged: Plugged

    @property
    def ports(self) -> int:
        """Root ports of the domain."""
        return count_root_ports(self.domain)


def unchanged(_vmi: bytes, domain: bytes) -> bytes:
    """Answer as a hook that was asked for nothing."""
    return domain


class Bench:
    """Boots one VM; keeps what does not depend on the request."""

    def __init__(self, case: Case, libvirt: Libvirt, hook: RunningHook, folder: Path) -> None:
        """Prepare; nothing runs yet."""
        self._case = case
        self._libvirt = libvirt
        self._hook = hook
        self._folder = folder

    def bare(self) -> Trial:
        """Let libvirt alone decide: it keeps one port as a spare."""
        return self._try(Way.BARE, self._libvirt.define_and_dump(self._case.domain), 0, "bare")

    def kubevirt(self) -> Trial:
        """Let KubeVirt reserve its own share, with a hook that changes nothing."""
        calls = boot(self._case.vmi, self._case.domain, unchanged, self._libvirt.define_and_dump)
        return self._try(Way.KUBEVIRT, calls[-1].defined, len(calls), "kubevirt")

    def sidecar(self, interfaces: int) -> Trial:
        """Ask the hook for so many interfaces in all.

        Raises:
            HostError: the hook refused, or libvirt did.
        """
        calls = boot(
            self._case.asking_for(interfaces),
            self._case.domain,
            self._hook.on_define_domain,
            self._libvirt.define_and_dump,
        )
        return self._try(Way.SIDECAR, calls[-1].defined, len(calls), f"asked-{interfaces}")

    def _try(self, way: Way, domain: bytes, calls: int, name: str) -> Trial:
        folder = self._folder / f"{self._case.name}-{name}"
        return Trial(way, domain, calls, plug(self._libvirt, domain, folder))
