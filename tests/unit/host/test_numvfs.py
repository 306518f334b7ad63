# SPDX-License-Identifier: Apache-2.0
"""The number of a PF's VFs: written, counted and read, and what never comes back."""

import os
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.host.numvfs import (
    Patience,
    VfsLate,
    WriteHung,
    count_vfs,
    read_numvfs,
    write_and_count,
    write_numvfs,
)
from sidecar.host.sysfs import Sysfs
from sidecar.model.pci import PciAddress
from sidecar.model.vf import UNKNOWN
from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import FakePf, FakeSysfs
from tests.unit.host.conftest import FIRST, SECOND
from tests.unit.host.vfs import PF, make, vfs

PATIENCE = 2.0
"""Seconds in which a child begins, on a busy machine too."""


def test_vfs_are_made_and_taken_away(kernel: FakeKernel) -> None:
    write_and_count(kernel.sysfs, PF, 5, must_be_closed=())
    assert len(kernel.vfs(FIRST)) == 5
    write_and_count(kernel.sysfs, PF, 0, must_be_closed=vfs(kernel))
    assert kernel.vfs(FIRST) == ()
    assert kernel.taken == ()


def answer_late(kernel: FakeKernel, seconds: float) -> None:
    kernel.behaviours["igb"] = replace(kernel.behaviours["igb"], late=seconds)


def test_vfs_that_come_late_are_waited_for(kernel: FakeKernel) -> None:
    answer_late(kernel, 1.5)
    write_and_count(kernel.sysfs, PF, 4, must_be_closed=())
    assert len(kernel.vfs(FIRST)) == 4


def test_vfs_that_are_promised_and_do_not_come_are_an_error_of_their_own(
    kernel: FakeKernel,
) -> None:
    answer_late(kernel, 600)
    with pytest.raises(VfsLate, match=r"not there yet; found 0 VFs 0\.2 s after .*expected 4"):
        write_and_count(kernel.sysfs, PF, 4, must_be_closed=(), patience=Patience(links=0.2))


def test_a_write_that_never_comes_back_is_left(kernel: FakeKernel) -> None:
    """A guest opens the VF between the last look and the kernel's turn: nothing prevents that."""
    (vf,) = make(kernel, 1, "vfio-pci")
    kernel.hold(str(vf), "guest a", lets_go=False)
    (kernel.root / f"bus/pci/devices/{vf}/enable").write_text("0\n")
    lock = os.open(kernel.root.parent / "lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(lock, True)  # noqa: FBT003 - it takes no names
    before = time.monotonic()
    try:
        with pytest.raises(WriteHung, match=r"does not return; found still running after 2 s"):
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


def test_what_is_no_pf_is_told(kernel: FakeKernel) -> None:
    nowhere = PciAddress.parse("0000:99:00.0")
    with pytest.raises(HostError, match="its VFs cannot be listed"):
        write_numvfs(kernel.sysfs, nowhere, 1, must_be_closed=())
    with pytest.raises(HostError, match="no such PCI device"):
        count_vfs(kernel.sysfs, nowhere)
    with pytest.raises(HostError, match=r"\(ENOENT\): the device is gone, or is not a PF"):
        write_numvfs(kernel.sysfs, PciAddress.parse("0000:00:1f.0"), 1, must_be_closed=())
    assert read_numvfs(kernel.sysfs, nowhere) is UNKNOWN


def test_a_number_that_is_none_is_unknown(tmp_path: Path) -> None:
    fake = FakeSysfs(tmp_path, [FakePf(FIRST)])
    (fake.function(FIRST) / "sriov_numvfs").write_text("many\n")
    assert read_numvfs(Sysfs(fake.root), PF) is UNKNOWN
