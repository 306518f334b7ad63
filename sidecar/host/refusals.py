# SPDX-License-Identifier: Apache-2.0
"""What the kernel means by an errno of ``sriov_numvfs``, and what to do about it.

From ``drivers/pci/pci-sysfs.c`` and ``iov.c`` of Linux 6.12, and each driver's
``sriov_configure`` (``drivers.py``).
"""

import errno
import os
from collections.abc import Mapping
from typing import Final

from sidecar.errors import HostError
from sidecar.host.blocking import Ending, Written
from sidecar.host.drivers import Driver, driver_named
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN

_WRITES: Final[Mapping[int, tuple[str, str]]] = {
    errno.EBUSY: (
        "the kernel changes one number of VFs to another only through 0, or the driver is busy",
        "Existing VFs are kept; more can be created only once all of them are free",
    ),
    errno.ENOMEM: (
        "not enough space for the VFs' memory windows or bus numbers",
        ("Enable SR-IOV and decoding above 4 GiB in the firmware setup, or boot with pci=realloc"),
    ),
    errno.ENOSPC: (
        "the card or its driver has nothing left to make VFs of, most often no MSI-X vectors",
        "Ask for fewer, or let the PF and the drivers on top of it (RDMA) take fewer vectors",
    ),
    errno.EIO: (
        "the card or the bus does not respond correctly",
        "See the kernel log; a reset of the card or of the host may help",
    ),
    errno.EAGAIN: ("the driver is not ready", "Try again in a few seconds"),
    errno.EPERM: ("the driver does not allow that many VFs", "Request fewer VFs"),
    errno.EINVAL: (
        "the driver does not accept this number in the PF's current state",
        "Bring the PF's interface up, or request fewer VFs",
    ),
    errno.EOPNOTSUPP: (
        "the driver cannot create VFs with the card's current configuration",
        "See the kernel log for the driver's reason",
    ),
    errno.ENOSYS: (
        "the kernel or the device has no SR-IOV",
        "Use a kernel with CONFIG_PCI_IOV, and enable SR-IOV in the firmware setup",
    ),
    errno.ENODEV: (
        "the device is gone, or no longer has SR-IOV",
        "See the kernel log for a reset or a removed card",
    ),
}
_OPENS: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOENT: (
        "the device is gone, or is not a PF",
        "Name a PF: portside vf list shows them",
    ),
    errno.EACCES: ("permission denied", "Run as root"),
    errno.EPERM: ("permission denied", "Run as root, with sysfs mounted for writing"),
    errno.EROFS: ("sysfs is mounted read-only", "In a container, /sys must be mounted for writing"),
}
# What a driver's own rules come to; the others are the kernel's or the hardware's.
_OF_THE_DRIVER: Final = frozenset(
    {errno.EPERM, errno.EINVAL, errno.EAGAIN, errno.EOPNOTSUPP, errno.ENOENT, errno.ERANGE}
)
# Two names for one number; the kernel's sources and everybody who quotes them use this one.
_NAMES: Final[Mapping[int, str]] = {errno.EOPNOTSUPP: "EOPNOTSUPP"}


def explain_write(
    sysfs: Sysfs, pf: PciAddress, count: int, written: Written, *, driver: str
) -> HostError:
    """Return the error for a write that was refused.

    Args:
        sysfs: the host's sysfs.
        pf: the PF.
        count: what was written.
        written: how it ended: ``NOT_OPENED`` or ``REFUSED``.
        driver: the PF's driver, empty if it has none.
    """
    number = written.errno
    name = f"{os.strerror(number)} ({_NAMES.get(number) or errno.errorcode.get(number, number)})"
    if written.ending is Ending.NOT_OPENED:
        meaning, todo = _OPENS.get(number, ("", ""))
    elif number == errno.ERANGE:
        meaning, todo = f"the PF has at most {_total(sysfs, pf)}", "Request fewer VFs"
    elif number == errno.ENOENT:
        meaning, todo = _explain_missing(driver)
    else:
        meaning, todo = _WRITES.get(number, ("", "See the kernel log for the reason"))
    facts = driver_named(driver)
    said = () if written.ending is Ending.NOT_OPENED else _hints(facts, number)
    return HostError(
        f"{count} was not written to sriov_numvfs",
        where=f"PF {pf}" + (f" (driver {driver})" if driver else ""),
        found=f"{name}: {meaning}" if meaning else name,
        todo=". ".join(one.rstrip(".") for one in (todo, *said) if one),
    )


def _hints(facts: Driver, number: int) -> tuple[str, ...]:
    """Return what is known of this errno from this driver, else all that may have to do with it."""
    own = facts.errnos.get(number)
    if own is not None:
        return (own,)
    return facts.hints if number in _OF_THE_DRIVER else ()


def _explain_missing(driver: str) -> tuple[str, str]:
    """Explain ENOENT of a write: there is a file, but nobody behind it."""
    if not driver:
        return "the PF has no driver", "Bind its driver: only a driver can create VFs"
    return (
        f"driver {driver} cannot create VFs through sysfs (it has no sriov_configure)",
        "Use the card's own PF driver, or create the VFs by that driver's own means",
    )


def _total(sysfs: Sysfs, pf: PciAddress) -> str:
    folder = sysfs.open(str(pf))
    if folder is None:
        return "no VFs: the PF is gone"
    with folder:
        total = folder.number("sriov_totalvfs")
    return "as many VFs as sriov_totalvfs says" if total is UNKNOWN else f"{total} VFs"
