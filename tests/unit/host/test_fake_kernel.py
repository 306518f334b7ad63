# SPDX-License-Identifier: Apache-2.0
"""The fake kernel answers as the real one: by the table that the card's kernel is held to."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.card.errnos import HARDWARE_TOTAL, TOTAL, WRITES, Write
from tests.fakes.kernel import FakeKernel
from tests.unit.host.conftest import CARDS, FIRST, SECOND

MARK = "was-here-before"


def write(path: Path, text: str) -> str:
    """Write at once; return the errno's name, empty if there was none."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    finally:
        os.close(descriptor)
    return ""


def give(kernel: FakeKernel, address: str, driver: str) -> None:
    """Bind a driver (empty: none) and no other, by the kernel's own files."""
    folder = kernel.root / "bus/pci/devices" / address
    assert write(folder / "driver/unbind", address) == ""
    if driver:
        assert write(folder / "driver_override", driver) == ""
        assert write(kernel.root / "bus/pci/drivers_probe", address) == ""
    assert kernel.driver(address) == driver


@pytest.mark.parametrize("row", WRITES, ids=[row.name for row in WRITES])
def test_it_answers_as_the_table_says(kernel: FakeKernel, row: Write) -> None:
    folder = kernel.root / "bus/pci/devices" / FIRST
    assert (folder / "sriov_totalvfs").read_text() == f"{TOTAL}\n"
    if row.driver != "igb":
        give(kernel, FIRST, row.driver)
        assert (folder / "sriov_totalvfs").read_text() == f"{HARDWARE_TOTAL}\n"
    kernel.set_up(FIRST, up=row.up)
    if row.present:
        assert write(folder / "sriov_numvfs", str(row.present)) == ""
    for vf in folder.glob("virtfn*"):
        assert write(vf / "driver_override", MARK) == ""
    assert write(folder / "sriov_numvfs", row.value) == row.errno
    overrides = [(vf / "driver_override").read_text().strip() for vf in folder.glob("virtfn*")]
    assert (len(overrides), overrides.count(MARK)) == (row.left, row.kept)
    assert (folder / "sriov_numvfs").read_text() == f"{row.left}\n"


def test_vfs_come_back_at_their_addresses_and_with_nothing_else(kernel: FakeKernel) -> None:
    folder = kernel.root / "bus/pci/devices" / FIRST
    for _ in range(2):
        assert write(folder / "sriov_numvfs", "3") == ""
        assert kernel.vfs(FIRST) == ("0000:01:10.0", "0000:01:10.2", "0000:01:10.4")
        first = folder / "virtfn0"
        assert (first / "driver_override").read_text() == "(null)\n"
        assert write(first / "driver_override", "vfio-pci") == ""
        assert write(first / "driver/unbind", "0000:01:10.0") == ""
        assert write(kernel.root / "bus/pci/drivers/vfio-pci/bind", "0000:01:10.0") == ""
        assert (first / "driver").readlink().name == "vfio-pci"
        assert (first / "enable").read_text() == "0\n"
        assert not (first / "net").exists()
        assert write(folder / "sriov_numvfs", "0") == ""
        assert not list(folder.glob("virtfn*"))
    assert (kernel.flaps(FIRST), kernel.flaps(SECOND)) == (4, 0)
    assert kernel.taken == ()


def test_binding_answers_as_the_kernel_does(kernel: FakeKernel) -> None:
    write(kernel.root / f"bus/pci/devices/{FIRST}/sriov_numvfs", "1")
    vf = "0000:01:10.0"
    drivers = kernel.root / "bus/pci/drivers"
    assert write(drivers / "igbvf/bind", vf) == "EBUSY"
    assert write(drivers / "vfio-pci/unbind", vf) == "ENODEV"
    assert write(drivers / "vfio-pci/bind", vf) == "ENODEV"
    assert write(drivers / "vfio-pci/bind", "0000:99:00.0") == "ENODEV"
    assert write(kernel.root / "bus/pci/drivers_probe", "0000:99:00.0") == "ENODEV"
    assert kernel.driver(vf) == "igbvf"


def test_without_autoprobe_a_driver_comes_by_override_only(kernel: FakeKernel) -> None:
    folder = kernel.root / "bus/pci/devices" / FIRST
    assert write(folder / "sriov_drivers_autoprobe", "0") == ""
    assert write(folder / "sriov_numvfs", "1") == ""
    vf = "0000:01:10.0"
    assert write(kernel.root / "bus/pci/drivers_probe", vf) == ""
    assert kernel.driver(vf) == ""
    assert write(folder / "virtfn0/driver_override", "vfio-pci") == ""
    assert write(kernel.root / "bus/pci/drivers_probe", vf) == ""
    assert kernel.driver(vf) == "vfio-pci"


def test_unbinding_the_pf_takes_its_vfs(kernel: FakeKernel) -> None:
    folder = kernel.root / "bus/pci/devices" / FIRST
    write(folder / "sriov_numvfs", "2")
    kernel.move("0000:01:10.0", "pod")
    assert write(folder / "driver/unbind", FIRST) == ""
    assert kernel.vfs(FIRST) == ()
    assert [one.holder for one in kernel.taken] == ["namespace pod"]
    assert kernel.taken[0].pid == os.getpid()


def hang(kernel: FakeKernel, *command: str) -> subprocess.Popen[bytes]:
    """Start a process and wait until it sleeps in the kernel."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - the tests' own
    wait_until(lambda: process.pid in kernel.stuck)
    return process


def hang_writing(kernel: FakeKernel, path: Path, text: str) -> subprocess.Popen[bytes]:
    program = "import os, sys; os.write(os.open(sys.argv[1], os.O_WRONLY), sys.argv[2].encode())"
    return hang(kernel, sys.executable, "-I", "-S", "-c", program, str(path), text)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(process: subprocess.Popen[bytes]) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_guest_that_does_not_let_go_makes_the_writer_unkillable(kernel: FakeKernel) -> None:
    folder = kernel.root / "bus/pci/devices" / FIRST
    write(folder / "sriov_numvfs", "2")
    vf = "0000:01:10.2"
    give(kernel, vf, "vfio-pci")
    kernel.hold(vf, "guest a", lets_go=False)
    writer = hang_writing(kernel, folder / "sriov_numvfs", "0")
    second = kernel.root / f"bus/pci/devices/{SECOND}/sriov_numvfs"
    other = hang_writing(kernel, second, "1")
    reader = hang(kernel, "cat", str(folder / "sriov_numvfs"))
    writer.kill()
    wait_until(lambda: state(writer) == "D")
    assert (writer.poll(), other.poll(), reader.poll()) == (None, None, None)
    assert set(kernel.stuck) == {writer.pid, other.pid, reader.pid}
    assert kernel.vfs(FIRST) == ("0000:01:10.0", vf)
    kernel.release(vf)
    assert (writer.wait(10), other.wait(10), reader.wait(10)) == (-9, 0, 0)
    assert (kernel.vfs(FIRST), len(kernel.vfs(SECOND)), kernel.stuck) == ((), 1, ())
    assert [(one.address, one.holder) for one in kernel.taken] == [(vf, "guest a")]


def test_what_still_hangs_at_the_end_is_let_go(tmp_path: Path) -> None:
    with FakeKernel(tmp_path, CARDS) as kernel:
        folder = kernel.root / "bus/pci/devices" / FIRST
        write(folder / "sriov_numvfs", "1")
        give(kernel, "0000:01:10.0", "vfio-pci")
        kernel.hold("0000:01:10.0", "guest a", lets_go=False)
        writer = hang_writing(kernel, folder / "sriov_numvfs", "0")
    assert writer.wait(10) == 0
