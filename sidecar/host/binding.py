# SPDX-License-Identifier: Apache-2.0
"""Gives a VF to another driver, by ``driver_override``, and back.

Unbinding a VF that a guest has open blocks until the guest lets go, in a sleep that no signal
ends, with the device's lock held. So each write is made by a child, after a last look.
"""

import errno
import os
from pathlib import Path
from typing import Final

from sidecar.errors import HostError
from sidecar.host.blocking import Ending, LastLook, Written, write_text
from sidecar.host.groups import no_iommu, shared_with
from sidecar.host.numvfs import WriteHung
from sidecar.host.sysfs import Sysfs
from sidecar.host.writer import is_vfio
from sidecar.model.availability import Assessment
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN

SECONDS: Final = 10.0
"""Patience with one write: a driver's probe takes milliseconds."""
_DRIVERS: Final = "bus/pci/drivers"
_PROBE: Final = "bus/pci/drivers_probe"
_NO_OVERRIDE: Final = "\n"
"""What clears ``driver_override`` (``device_set_driver_override``)."""


def bind(
    sysfs: Sysfs,
    vf: PciAddress,
    driver: str,
    *,
    assessment: Assessment | None = None,
    seconds: float = SECONDS,
) -> str:
    """Bind a VF to a driver and to no other; return the driver it had, empty for none.

    A VF that has the driver already is left alone.

    Args:
        sysfs: the host's sysfs.
        vf: the VF.
        driver: e.g. ``vfio-pci``; it must be loaded.
        assessment: what is known of the VF beyond what the last look sees in sysfs.
        seconds: patience with each write.

    Raises:
        WriteHung: a write has begun and does not come back.
        HostError: the VF is in use or gone, or the kernel refuses; it then has the driver that
            the error names.
    """
    had = driver_of(sysfs, vf)
    if had == driver:
        return had
    own = sysfs.root / _DRIVERS / driver
    if not own.exists():
        raise HostError(
            f"driver {driver} is not loaded",
            where=f"VF {vf}",
            expected=str(own),
            todo=f"modprobe {driver}",
        )
    _demand_free(vf, assessment)
    writes = _Writes(sysfs, vf, seconds)
    writes.make(writes.own / "driver_override", driver)
    if had:
        try:
            writes.make(writes.own / "driver/unbind", str(vf))
        except WriteHung:
            raise  # each further write would hang on the device's lock
        except HostError:
            writes.make(writes.own / "driver_override", _NO_OVERRIDE)
            raise
    # Unlike drivers_probe, this tells why a driver does not take the device.
    tried = writes.attempt(own / "bind", str(vf))
    if driver_of(sysfs, vf) != driver:
        raise _not_bound(sysfs, vf, driver, tried, _go_back(sysfs, vf, had, seconds))
    return had


def unbind(
    sysfs: Sysfs, vf: PciAddress, *, assessment: Assessment | None = None, seconds: float = SECONDS
) -> str:
    """Take a VF from its driver and leave it without; return the driver it had, empty for none.

    Args and errors as ``bind``.
    """
    had = driver_of(sysfs, vf)
    if had:
        _demand_free(vf, assessment)
        writes = _Writes(sysfs, vf, seconds)
        writes.make(writes.own / "driver_override", _NO_OVERRIDE)
        writes.make(writes.own / "driver/unbind", str(vf))
    return had


def restore(
    sysfs: Sysfs,
    vf: PciAddress,
    driver: str,
    *,
    assessment: Assessment | None = None,
    seconds: float = SECONDS,
) -> None:
    """Give a VF back to the driver that ``bind`` or ``unbind`` returned; empty leaves it without.

    No override stays behind, unless the driver takes the VF only by one.

    Args and errors as ``bind``.
    """
    if driver_of(sysfs, vf) == driver:
        return
    unbind(sysfs, vf, assessment=assessment, seconds=seconds)
    if driver:
        writes = _Writes(sysfs, vf, seconds)
        writes.make(writes.own / "driver_override", _NO_OVERRIDE)
        writes.attempt(sysfs.root / _PROBE, str(vf))
        if driver_of(sysfs, vf) != driver:
            bind(sysfs, vf, driver, assessment=assessment, seconds=seconds)


def driver_of(sysfs: Sysfs, vf: PciAddress) -> str:
    """Return the driver that a VF has, empty for none.

    Raises:
        HostError: there is no such device, or it cannot be told.
    """
    folder = sysfs.open(str(vf))
    if folder is None:
        raise HostError("no such PCI device", where=f"VF {vf}")
    with folder:
        driver = folder.link("driver")
    if driver is UNKNOWN:
        raise HostError("its driver cannot be read", where=f"VF {vf}")
    return driver or ""


class _Writes:
    """Writes about one VF, each in a child that first looks whether the VF is in use."""

    def __init__(self, sysfs: Sysfs, vf: PciAddress, seconds: float) -> None:
        self.own = sysfs.devices / str(vf)
        self._vf = vf
        self._seconds = seconds
        self._look = LastLook(sysfs.devices, (str(vf),))

    def make(self, path: Path, text: str) -> None:
        """Write what must succeed.

        Raises:
            WriteHung, HostError: it did not.
        """
        written = self.attempt(path, text)
        if written.ending is not Ending.DONE:
            raise HostError(
                _unwritten(path, text),
                where=f"VF {self._vf}",
                found=_reason(written),
                todo="Run as root, with sysfs mounted for writing"
                if written.ending is Ending.NOT_OPENED
                else "Nothing has changed",
            )

    def attempt(self, path: Path, text: str) -> Written:
        """Write and return how it ended.

        Raises:
            WriteHung: it does not come back.
            HostError: the VF is in use.
        """
        written = write_text(path, text, self._seconds, self._look)
        if written.ending is Ending.HUNG:
            raise WriteHung(
                f"{f'writing {text.strip()} to' if text.strip() else 'clearing'} {path.name} "
                "does not return",
                where=f"VF {self._vf}",
                found=f"still running after {self._seconds:g} s",
                todo="A guest or process most likely does not release the VF: change nothing on "
                "its PF until it does",
            )
        if written.ending in {Ending.HELD, Ending.NOT_BEGUN}:
            raise HostError(
                _unwritten(path, text),
                where=f"VF {self._vf}",
                found=_reason(written),
                todo="Free the VF, then try again"
                if written.ending is Ending.HELD
                else "The host is too busy, or the kernel's PCI code is stuck: see the kernel log",
            )
        return written


def _demand_free(vf: PciAddress, assessment: Assessment | None) -> None:
    if assessment is not None and not assessment.free:
        raise HostError(
            f"its driver is not changed: the VF is {assessment.availability}",
            where=f"VF {vf}",
            found=assessment.why,
            expected="an unused VF",
            todo="Free the VF, then try again",
        )


def _go_back(sysfs: Sysfs, vf: PciAddress, driver: str, seconds: float) -> str:
    """Give a VF back to the driver that it had; return what stands against it."""
    try:
        restore(sysfs, vf, driver, seconds=seconds)
    except HostError as error:
        return str(error)
    return ""


def _not_bound(
    sysfs: Sysfs, vf: PciAddress, driver: str, tried: Written, besides: str
) -> HostError:
    has = driver_of(sysfs, vf)
    todo = f"The VF has {f'driver {has}' if has else 'no driver'} now"
    if is_vfio(driver) and tried.errno == errno.EINVAL and no_iommu(sysfs):
        todo += ". The IOMMU is off: portside doctor says how to enable it"
    elif is_vfio(driver) and (others := shared_with(sysfs, vf)):
        todo += f". Its IOMMU group has other devices: {', '.join(others)}"
    return HostError(
        f"driver {driver} does not bind to it",
        where=f"VF {vf}",
        found=_reason(tried),
        todo=f"{todo}. {besides}" if besides else todo,
    )


def _unwritten(path: Path, text: str) -> str:
    return (
        f"{text.strip()} was not written to {path.name}"
        if text.strip()
        else (f"{path.name} was not cleared")
    )


def _reason(written: Written) -> str:
    """Say how a write ended that did not end well."""
    if written.ending is Ending.HELD:
        return written.text
    if written.ending is Ending.NOT_BEGUN:
        return "the writing process did not start in time and will not run"
    if written.ending is Ending.DONE:
        return "the driver reported success, but is not bound to the VF"
    return f"{os.strerror(written.errno)} ({errno.errorcode.get(written.errno, written.errno)})"
