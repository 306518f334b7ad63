# SPDX-License-Identifier: Apache-2.0
import errno
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.host.drivers import DRIVERS, Driver
from sidecar.host.numvfs import WriteHung, count_vfs, read_numvfs, write_and_count, write_numvfs
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN
from tests.card.errnos import WRITES, Write
from tests.fakes.behaviour import Behaviour
from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import FakePf, FakeSysfs
from tests.unit.host.conftest import FIRST, SECOND

PF = PciAddress.parse(FIRST)
PATIENCE = 2.0
"""Seconds in which a child begins, on a busy machine too."""
MEANT = [row for row in WRITES if row.value.isdecimal()]


def vfs(kernel: FakeKernel, pf: str = FIRST) -> tuple[PciAddress, ...]:
    return tuple(map(PciAddress.parse, kernel.vfs(pf)))


def make(kernel: FakeKernel, count: int, driver: str = "") -> tuple[PciAddress, ...]:
    """Make VFs as another tool does, and give them a driver."""
    assert kernel.write(f"{FIRST},sriov_numvfs", str(count)) == 0
    for vf in kernel.vfs(FIRST) if driver else ():
        give(kernel, vf, driver)
    return vfs(kernel)


def give(kernel: FakeKernel, address: str, driver: str) -> None:
    assert kernel.write(f"{kernel.driver(address)},unbind", address) == 0
    if driver:
        assert kernel.write(f"{address},driver_override", driver) == 0
        assert kernel.write(f"{driver},bind", address) == 0


def write_nothing(kernel: FakeKernel, closed: tuple[PciAddress, ...]) -> HostError:
    """Ask for no VFs, which must be refused with nothing changed; return the error."""
    before, flaps = kernel.vfs(FIRST), kernel.flaps(FIRST)
    with pytest.raises(HostError) as caught:
        write_numvfs(kernel.sysfs, PF, 0, must_be_closed=closed)
    assert (kernel.vfs(FIRST), kernel.flaps(FIRST), kernel.taken) == (before, flaps, ())
    return caught.value


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
                "Ask for fewer. igb makes at most 7 VFs a port and refuses more (EPERM)"
            ),
        ),
        (
            0,
            2,
            "",
            (
                "PF 0000:01:00.0: 2 was not written to sriov_numvfs; found No such file or "
                "directory (ENOENT): the PF has no driver. Bind its driver: only that can make VFs"
            ),
        ),
        (
            0,
            2,
            "vfio-pci",
            (
                "PF 0000:01:00.0 (driver vfio-pci): 2 was not written to sriov_numvfs; found No "
                "such file or directory (ENOENT): driver vfio-pci cannot make VFs through sysfs "
                "(it has no sriov_configure). Use the card's own PF driver, or that driver's own "
                "way to make VFs. vfio-pci makes VFs of a PF only with its parameter "
                "enable_sriov=1 (ENOENT)"
            ),
        ),
        (
            2,
            3,
            "igb",
            (
                "PF 0000:01:00.0 (driver igb): 3 was not written to sriov_numvfs; found Device or "
                "resource busy (EBUSY): the kernel changes one number of VFs to another only "
                "through 0, or the driver is busy. VFs that are there stay as they are; more are "
                "to be had only once all of them are free"
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
        (errno.EAGAIN, r"\(EAGAIN\): the driver is not ready for it now\. Try again"),
        (errno.EPERM, r"\(EPERM\): the driver does not allow that many\. .*none without MSI-X"),
        (errno.ENOMEM, r"\(ENOMEM\): there is no room .* pci=realloc"),
        (errno.EIO, r"\(EIO\): the card or the bus does not answer"),
        (errno.ENOSYS, r"\(ENOSYS\): the kernel or the device has no SR-IOV\."),
        (errno.EOPNOTSUPP, r"\(EOPNOTSUPP\): the driver cannot make VFs as the card is set up"),
        (errno.EINVAL, r"\(EINVAL\): .*Bring the PF's interface up"),
        (errno.ENOSPC, r"No space left on device \(ENOSPC\)\. Look into the kernel's log"),
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
        (Behaviour(if_down=0), False, 0, "bnxt_en makes no VFs while the PF is down"),
        (Behaviour(makes_at_most=3), True, 3, "or fewer than asked"),
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
    assert "driver bnxt_en said yes" in str(caught.value)
    assert hint in str(caught.value)


def test_vfs_are_made_and_taken_away(kernel: FakeKernel) -> None:
    write_and_count(kernel.sysfs, PF, 5, must_be_closed=())
    assert len(kernel.vfs(FIRST)) == 5
    write_and_count(kernel.sysfs, PF, 0, must_be_closed=vfs(kernel))
    assert kernel.vfs(FIRST) == ()
    assert kernel.taken == ()


def test_the_last_look_sees_a_vf_that_is_open(kernel: FakeKernel) -> None:
    seen = make(kernel, 2, "vfio-pci")
    kernel.hold(str(seen[1]), "guest a")
    error = write_nothing(kernel, seen)
    assert error.found == f"{seen[1]}: is open with vfio-pci (enable 1)"
    kernel.release(str(seen[1]))
    write_and_count(kernel.sysfs, PF, 0, must_be_closed=seen)


def test_the_last_look_sees_a_namespace_and_an_interface_that_is_up(kernel: FakeKernel) -> None:
    seen = make(kernel, 2)
    kernel.move(str(seen[0]), "pod")
    assert "no network interface in this network namespace" in write_nothing(kernel, seen).found
    kernel.release(str(seen[0]))
    kernel.set_up(str(seen[0]))
    assert write_nothing(kernel, seen).found == f"{seen[0]}: interface eth1v0 is up"


def test_the_last_look_sees_an_interface_below_another(kernel: FakeKernel) -> None:
    seen = make(kernel, 1)
    (kernel.root / f"bus/pci/devices/{seen[0]}/net/eth1v0/upper_macvtap0").mkdir()
    assert "eth1v0 is below another (upper_macvtap0)" in write_nothing(kernel, seen).found


def test_the_last_look_sees_that_a_vf_without_driver_is_switched_on(kernel: FakeKernel) -> None:
    (vf,) = make(kernel, 1)
    give(kernel, str(vf), "")
    (kernel.root / f"bus/pci/devices/{vf}/enable").write_text("1\n")
    assert write_nothing(kernel, (vf,)).found == f"{vf}: is open with no driver (enable 1)"


def test_the_last_look_takes_what_it_cannot_read_for_use(kernel: FakeKernel) -> None:
    (vf,) = make(kernel, 1, "vfio-pci")
    enable = kernel.root / f"bus/pci/devices/{vf}/enable"
    enable.write_text("\n")
    assert f"{vf}: whether it is in use cannot be read" in write_nothing(kernel, (vf,)).found
    enable.unlink()
    assert "No such file" in write_nothing(kernel, (vf,)).found


def test_vfs_that_came_or_went_since_the_decision_stop_the_write(kernel: FakeKernel) -> None:
    seen = make(kernel, 2)
    assert write_nothing(kernel, seen[:1]).found == f"{seen[1]}: is new since the decision was made"
    gone = PciAddress.parse("0000:01:10.4")
    assert write_nothing(kernel, (*seen, gone)).found.startswith(f"{gone}: is gone since")
    # A decision to make VFs where there are none does not hold once there are some.
    with pytest.raises(HostError, match="is new since the decision"):
        write_numvfs(kernel.sysfs, PF, 2, must_be_closed=())


def test_a_write_that_never_comes_back_is_left(kernel: FakeKernel) -> None:
    """A guest opens the VF between the last look and the kernel's turn: nothing prevents that."""
    (vf,) = make(kernel, 1, "vfio-pci")
    kernel.hold(str(vf), "guest a", lets_go=False)
    (kernel.root / f"bus/pci/devices/{vf}/enable").write_text("0\n")
    lock = os.open(kernel.root.parent / "lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(lock, True)  # noqa: FBT003 - it takes no names
    before = time.monotonic()
    try:
        with pytest.raises(WriteHung, match=r"does not come back; found no end after 2 s"):
            write_numvfs(kernel.sysfs, PF, 0, must_be_closed=(vf,), seconds=PATIENCE)
    finally:
        os.close(lock)
    assert time.monotonic() - before < 10
    (writer,) = kernel.stuck
    process = Path(f"/proc/{writer}")
    keeps = sorted(path.readlink().name for path in process.glob("fd/*"))
    assert [re.sub(r"^pipe:.*", "pipe", name) for name in keeps] == [
        f"{FIRST},sriov_numvfs",
        "null",
        "pipe",
        "pipe",
    ]
    assert (process / "cwd").readlink() == Path("/")
    # Readers of that PF sleep too, and are not waited for; the links still count.
    assert read_numvfs(kernel.sysfs, PF, 0.3) is UNKNOWN
    assert count_vfs(kernel.sysfs, PF) == 1
    with pytest.raises(WriteHung):
        write_numvfs(kernel.sysfs, PciAddress.parse(SECOND), 1, must_be_closed=(), seconds=PATIENCE)
    kernel.release(str(vf))
    assert (kernel.vfs(FIRST), read_numvfs(kernel.sysfs, PF)) == ((), 0)


def test_a_child_whose_time_is_up_before_it_began_does_not_write(kernel: FakeKernel) -> None:
    """Its last look blocks: what it may find later counts no more."""
    (vf,) = make(kernel, 1, "vfio-pci")
    enable = kernel.root / f"bus/pci/devices/{vf}/enable"
    enable.unlink()
    os.mkfifo(enable)
    with pytest.raises(HostError, match=r"had not begun after 0\.2 s") as caught:
        write_numvfs(kernel.sysfs, PF, 0, must_be_closed=(vf,), seconds=0.2)
    assert not isinstance(caught.value, WriteHung)
    assert kernel.vfs(FIRST) == (str(vf),)


def test_what_is_no_pf_is_told(kernel: FakeKernel) -> None:
    nowhere = PciAddress.parse("0000:99:00.0")
    with pytest.raises(HostError, match="its VFs cannot be listed"):
        write_numvfs(kernel.sysfs, nowhere, 1, must_be_closed=())
    with pytest.raises(HostError, match="there is no such PCI device"):
        count_vfs(kernel.sysfs, nowhere)
    with pytest.raises(HostError, match=r"\(ENOENT\): the device is gone, or it is no PF"):
        write_numvfs(kernel.sysfs, PciAddress.parse("0000:00:1f.0"), 1, must_be_closed=())
    assert read_numvfs(kernel.sysfs, nowhere) is UNKNOWN


def test_a_number_that_is_none_is_unknown(tmp_path: Path) -> None:
    fake = FakeSysfs(tmp_path, [FakePf(FIRST)])
    (fake.function(FIRST) / "sriov_numvfs").write_text("many\n")
    assert read_numvfs(Sysfs(fake.root), PF) is UNKNOWN
