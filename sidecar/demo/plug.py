# SPDX-License-Identifier: Apache-2.0
"""Start a domain in QEMU and hot-plug NICs until it takes no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sidecar.domainxml.startable import make_startable
from sidecar.errors import HostError
from sidecar.virt.connection import Libvirt, RunningDomain

NIC = b"<interface type='user'><model type='virtio'/></interface>"
"""User networking needs neither a bridge nor a privilege."""
ENOUGH = 256
"""More ports than a domain can have: PCI knows 256 buses."""
NO_PORT = "No more available PCI slots"
"""What libvirt says when every port is taken."""


@dataclass(frozen=True, slots=True)
class Plugged:
    """How many NICs a running QEMU took, and why it refused the next one."""

    attached: int
    refusal: str
    changes: tuple[str, ...]


@contextmanager
def running(libvirt: Libvirt, domain: bytes, folder: Path) -> Iterator[RunningDomain]:
    """Start a stand-in of ``domain``, paused: its guest is not needed.

    Raises:
        HostError: libvirt or QEMU refused it.
    """
    with libvirt.start_paused(
        make_startable(domain, folder.name, empty_disk(folder)).domain
    ) as guest:
        yield guest


def fill(guest: RunningDomain) -> tuple[int, str]:
    """Attach NICs until one is refused; return how many, and libvirt's words."""
    for attached in range(ENOUGH):
        try:
            guest.attach(NIC)
        except HostError as error:
            return attached, error.found
    return ENOUGH, f"none: {ENOUGH} attached"


def plug(libvirt: Libvirt, domain: bytes, folder: Path) -> Plugged:
    """Start ``domain`` as libvirt defined it, and fill it with NICs.

    Args:
        libvirt: where to start it.
        domain: libvirt's inactive XML.
        folder: where the stand-in's disk may lie; its name becomes the domain's.

    Raises:
        HostError: libvirt or QEMU refused to start it.
    """
    startable = make_startable(domain, folder.name, empty_disk(folder))
    with libvirt.start_paused(startable.domain) as guest:
        attached, refusal = fill(guest)
    return Plugged(attached, refusal, startable.changes)


def empty_disk(folder: Path) -> str:
    """Make the file that stands for every disk of a stand-in; return its path."""
    folder.mkdir(exist_ok=True)
    path = folder / "empty.img"
    with path.open("wb") as file:
        file.truncate(1 << 20)
    return str(path)
