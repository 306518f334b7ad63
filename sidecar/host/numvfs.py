# SPDX-License-Identifier: Apache-2.0
"""``sriov_numvfs``: the only place that reads or writes it.

The kernel protects no VF: a write of 0 takes each from whoever has it, and if a guest does
not let go, the writer sleeps for ever, and with it every reader of the file, every writer of
any other PF's, and each rescan of the bus. So both are done by a child that can be left
behind, which takes a last look at the VFs; and what a write came to, their links tell.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sidecar.errors import HostError
from sidecar.host.blocking import Ending, LastLook, Written, read_text, write_text
from sidecar.host.drivers import driver_named
from sidecar.host.refusals import explain_write
from sidecar.host.sysfs import Folder, Sysfs
from sidecar.model.digits import is_number
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN, Unknown

SECONDS: Final = 30.0
"""Patience with one write: sixty VFs with their network interfaces take seconds."""

LATE_SECONDS: Final = 120.0
"""Patience with VFs that the kernel has promised: on s390x they come one by one as hotplug
events, 125 of them after 65 s (sriov-network-operator, issue 1015)."""
_GRACE_SECONDS: Final = 5.0
"""Patience with a driver that has said yes, while the kernel's own number is another one."""
_ANSWER_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.1

_FILE: Final = "sriov_numvfs"
_VF: Final = re.compile(r"virtfn[0-9]+")


class WriteHung(HostError):  # noqa: N818 - says what happened, not that it is an error
    """A write has begun and does not come back: nothing may touch that PF any more."""


class VfsLate(HostError):  # noqa: N818 - says what happened, not that it is an error
    """The kernel has taken a number, and not all VFs are there yet: they may still come."""


def read_numvfs(sysfs: Sysfs, pf: PciAddress, seconds: float = SECONDS) -> int | Unknown:
    """Ask the kernel for its own number; ``UNKNOWN`` if it does not answer in time.

    The routine count is ``count_vfs``, which never waits.
    """
    text = read_text(sysfs.devices / str(pf) / _FILE, seconds)
    return int(text) if isinstance(text, str) and is_number(text) else UNKNOWN


def count_vfs(sysfs: Sysfs, pf: PciAddress) -> int:
    """Count a PF's VFs by their links.

    Raises:
        HostError: no such PF, or its folder cannot be listed.
    """
    with _open(sysfs, pf) as folder:
        names = folder.names()
    if names is None or names is UNKNOWN:
        raise HostError(
            "its VFs cannot be counted",
            where=f"PF {pf}",
            found="a folder that cannot be listed",
            expected=f"virtfn links in {sysfs.devices / str(pf)}",
        )
    return sum(_VF.fullmatch(name) is not None for name in names)


def write_numvfs(
    sysfs: Sysfs,
    pf: PciAddress,
    count: int,
    *,
    must_be_closed: Sequence[PciAddress],
    seconds: float = SECONDS,
) -> None:
    """Write the number of VFs once; that the driver says yes does not yet mean that it made them.

    Args:
        sysfs: the host's sysfs.
        pf: the PF.
        count: the number; 0 takes all VFs away, any other is refused where there are VFs.
        must_be_closed: the VFs that the PF has, as the decision saw them. Right before the
            write the child looks whether the PF has exactly these and nobody uses one.
        seconds: patience.

    Raises:
        WriteHung: the write has begun and does not come back.
        HostError: it was refused, by the kernel or by the last look; nothing has changed.
    """
    path = sysfs.devices / str(pf) / _FILE
    closed = [str(vf) for vf in must_be_closed]
    written = write_text(path, str(count), seconds, LastLook(sysfs.devices, closed, str(pf)))
    if written.ending is not Ending.DONE:
        raise _failure(sysfs, pf, count, written, seconds)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that a change may take: the write itself, and the VFs' links after it."""

    write: float = SECONDS
    links: float = LATE_SECONDS


_PATIENCE: Final = Patience()


def write_and_count(
    sysfs: Sysfs,
    pf: PciAddress,
    count: int,
    *,
    must_be_closed: Sequence[PciAddress],
    patience: Patience = _PATIENCE,
) -> None:
    """Write the number of VFs and believe only their links, which may come late.

    Args:
        sysfs: the host's sysfs.
        pf: the PF.
        count: as ``write_numvfs``.
        must_be_closed: as ``write_numvfs``.
        patience: with the write, and with links where the kernel itself tells the number.

    Raises:
        WriteHung: as ``write_numvfs``.
        VfsLate: the kernel tells the number, and in all that time it has not made so many VFs.
        HostError: as ``write_numvfs``; or the driver took the number, and there is another
            number of VFs.
    """
    write_numvfs(sysfs, pf, count, must_be_closed=must_be_closed, seconds=patience.write)
    driver = driver_named(_driver(sysfs, pf))
    found = count_vfs(sysfs, pf)
    if found == count:
        return
    promised = read_numvfs(sysfs, pf, _ANSWER_SECONDS) == count
    # A driver known for less than it says makes no more of them later.
    other = 0.0 if driver.may_make_fewer else min(_GRACE_SECONDS, patience.links)
    seconds = patience.links if promised else other
    found = _await_links(sysfs, pf, count, seconds)
    if found != count and promised:
        raise VfsLate(
            "the VFs are not there yet",
            where=f"PF {pf}",
            found=f"{found} VFs {seconds:g} s after the kernel took the number",
            expected=str(count),
            todo="They may still come: portside vf list shows them. Then give the command again",
        )
    if found != count:
        hints = driver.hints if driver.may_make_fewer else ()
        raise HostError(
            f"driver {driver.name} reported success but did not create the VFs",
            where=f"PF {pf}",
            found=f"{found} VFs",
            expected=str(count),
            todo=" ".join(hints) or "See the kernel log for the reason",
        )


def _await_links(sysfs: Sysfs, pf: PciAddress, count: int, seconds: float) -> int:
    """Wait until there are so many VFs; return how many there are in the end."""
    end = time.monotonic() + seconds
    while (found := count_vfs(sysfs, pf)) != count and time.monotonic() < end:
        time.sleep(_POLL_SECONDS)
    return found


def _failure(
    sysfs: Sysfs, pf: PciAddress, count: int, written: Written, seconds: float
) -> HostError:
    where = f"PF {pf}"
    what = f"{count} was not written to {_FILE}"
    if written.ending is Ending.HUNG:
        return WriteHung(
            f"writing {count} to {_FILE} does not return",
            where=where,
            found=f"still running after {seconds:g} s",
            todo="A guest or process most likely does not release a VF. Until it does, the VFs "
            "of this and all other PFs cannot be changed. Change nothing else; stop that guest "
            "or process (the kernel log names the VF), or reboot the host",
        )
    if written.ending is Ending.NOT_BEGUN:
        return HostError(
            what,
            where=where,
            found=f"the writing process did not start within {seconds:g} s and will not run",
            todo="The host is too busy, or the kernel's PCI code is stuck: see the kernel log",
        )
    if written.ending is Ending.HELD:
        return HostError(
            what,
            where=where,
            found=written.text,
            expected="the same VFs as when this was decided, none of them in use",
            todo="Nothing has changed; try again once the VF is free",
        )
    return explain_write(sysfs, pf, count, written, driver=_driver(sysfs, pf))


def _open(sysfs: Sysfs, pf: PciAddress) -> Folder:
    folder = sysfs.open(str(pf))
    if folder is None:
        raise HostError(
            "no such PCI device", where=f"PF {pf}", expected=f"a folder in {sysfs.devices}"
        )
    return folder


def _driver(sysfs: Sysfs, pf: PciAddress) -> str:
    with _open(sysfs, pf) as folder:
        driver = folder.link("driver")
    return "" if driver is None or driver is UNKNOWN else driver
