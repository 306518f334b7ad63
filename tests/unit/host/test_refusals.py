# SPDX-License-Identifier: Apache-2.0
"""What the kernel and drivers say of a number of VFs that they do not make."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.host.drivers import DRIVERS, Driver
from sidecar.host.numvfs import count_vfs, read_numvfs, write_and_count, write_numvfs
from tests.card.errnos import WRITES, Write
from tests.fakes.behaviour import Behaviour
from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import FakePf
from tests.unit.host.conftest import FIRST
from tests.unit.host.vfs import PF, give, make

MEANT = [row for row in WRITES if row.value.isdecimal()]


@pytest.mark.parametrize("row", MEANT, ids=[row.name for row in MEANT])
def test_what_the_kernel_refuses_comes_back(kernel: FakeKernel, row: Write) -> None:
    if row.driver != "igb":
        give(kernel, FIRST, row.driver)
    kernel.set_up(FIRST, up=row.up)
    closed = make(kernel, row.present) if row.present else ()
    if row.errno:
        with pytest.raises(HostError, match=rf"PF {FIRST}.*found .*\({row.errno}\)"):
            write_numvfs(kernel.sysfs, PF, int(row.value), must_be_closed=closed)
    else:
        write_numvfs(kernel.sysfs, PF, int(row.value), must_be_closed=closed)
    assert count_vfs(kernel.sysfs, PF) == read_numvfs(kernel.sysfs, PF) == row.left


@pytest.mark.parametrize(
    ("present", "count", "driver", "text"),
    [
        (
            0,
            8,
            "igb",
            (
                "PF 0000:01:00.0 (driver igb): 8 was not written to sriov_numvfs; found Numerical "
                "result out of range (ERANGE): the PF has at most 7 VFs. "
                "Request fewer VFs. igb creates at most 7 VFs per port and refuses more (EPERM)"
            ),
        ),
        (
            0,
            2,
            "",
            (
                "PF 0000:01:00.0: 2 was not written to sriov_numvfs; found No such file or "
                "directory (ENOENT): the PF has no driver. Bind its driver: only a driver can "
                "create VFs"
            ),
        ),
        (
            0,
            2,
            "vfio-pci",
            (
                "PF 0000:01:00.0 (driver vfio-pci): 2 was not written to sriov_numvfs; found No "
                "such file or directory (ENOENT): driver vfio-pci cannot create VFs through "
                "sysfs (it has no sriov_configure). Use the card's own PF driver, or create the "
                "VFs by that driver's own means. vfio-pci creates VFs of a PF only with its "
                "parameter "
                "enable_sriov=1 (else ENOENT)"
            ),
        ),
        (
            2,
            3,
            "igb",
            (
                "PF 0000:01:00.0 (driver igb): 3 was not written to sriov_numvfs; found Device or "
                "resource busy (EBUSY): the kernel changes one number of VFs to another only "
                "through 0, or the driver is busy. Existing VFs are kept; more can be created "
                "only once all of them are free"
            ),
        ),
    ],
)
def test_users_read_what_it_means(
    kernel: FakeKernel, present: int, count: int, driver: str, text: str
) -> None:
    if driver != "igb":
        give(kernel, FIRST, driver)
    closed = make(kernel, present) if present else ()
    with pytest.raises(HostError) as caught:
        write_numvfs(kernel.sysfs, PF, count, must_be_closed=closed)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.EAGAIN, r"\(EAGAIN\): the driver is not ready\. Try again"),
        (errno.EPERM, r"\(EPERM\): the driver does not allow that many VFs\. .*none without MSI-X"),
        (errno.ENOMEM, r"\(ENOMEM\): not enough space .* pci=realloc"),
        (errno.EIO, r"\(EIO\): the card or the bus does not respond"),
        (errno.ENOSYS, r"\(ENOSYS\): the kernel or the device has no SR-IOV\."),
        (
            errno.EOPNOTSUPP,
            r"\(EOPNOTSUPP\): the driver cannot create VFs with the card's current configuration",
        ),
        (errno.EINVAL, r"\(EINVAL\): .*Bring the PF's interface up"),
        (errno.ENOSPC, r"\(ENOSPC\): the card or its driver has nothing left .* MSI-X vectors"),
        (errno.EDQUOT, r"Disk quota exceeded \(EDQUOT\)\. See the kernel log"),
    ],
)
def test_a_driver_refuses_for_reasons_of_its_own(
    kernel: FakeKernel, number: int, text: str
) -> None:
    kernel.behaviours["igb"] = replace(kernel.behaviours["igb"], refuses=number)
    with pytest.raises(HostError, match=text):
        write_numvfs(kernel.sysfs, PF, 2, must_be_closed=())
    assert kernel.vfs(FIRST) == ()


@pytest.mark.parametrize("driver", [one for one in DRIVERS.values() if one.errnos])
def test_a_drivers_own_meaning_of_an_errno_is_told(tmp_path: Path, driver: Driver) -> None:
    for number, meaning in driver.errnos.items():
        cards = [FakePf(FIRST, driver.name)]
        with FakeKernel(tmp_path / str(number), cards) as kernel:
            kernel.behaviours[driver.name] = Behaviour(refuses=number)
            with pytest.raises(HostError) as caught:
                write_numvfs(kernel.sysfs, PF, 2, must_be_closed=())
        assert meaning.rstrip(".") in str(caught.value)


@pytest.mark.parametrize(
    ("behaviour", "up", "made", "hint"),
    [
        (Behaviour(if_down=0), False, 0, "bnxt_en creates no VFs while the PF is down"),
        (Behaviour(makes_at_most=3), True, 3, "may create fewer than requested"),
    ],
)
def test_a_driver_that_says_yes_and_makes_fewer_is_told(
    tmp_path: Path, behaviour: Behaviour, up: bool, made: int, hint: str
) -> None:
    with FakeKernel(tmp_path, [FakePf(FIRST, "bnxt_en", totalvfs=64)]) as kernel:
        kernel.behaviours["bnxt_en"] = behaviour
        kernel.set_up(FIRST, up=up)
        with pytest.raises(HostError) as caught:
            write_and_count(kernel.sysfs, PF, 5, must_be_closed=())
        assert count_vfs(kernel.sysfs, PF) == made
    assert caught.value.found == f"{made} VFs"
    assert "driver bnxt_en reported success" in str(caught.value)
    assert hint in str(caught.value)
