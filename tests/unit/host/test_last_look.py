# SPDX-License-Identifier: Apache-2.0
"""What the writing child sees in its last look at the VFs, and then does not write."""

import os

import pytest

from sidecar.errors import HostError
from sidecar.host.numvfs import WriteHung, write_and_count, write_numvfs
from sidecar.model.pci import PciAddress
from tests.fakes.kernel import FakeKernel
from tests.unit.host.conftest import FIRST
from tests.unit.host.vfs import PF, give, make


def write_nothing(kernel: FakeKernel, closed: tuple[PciAddress, ...]) -> HostError:
    """Ask for no VFs, which must be refused with nothing changed; return the error."""
    before, flaps = kernel.vfs(FIRST), kernel.flaps(FIRST)
    with pytest.raises(HostError) as caught:
        write_numvfs(kernel.sysfs, PF, 0, must_be_closed=closed)
    assert (kernel.vfs(FIRST), kernel.flaps(FIRST), kernel.taken) == (before, flaps, ())
    return caught.value


def test_the_last_look_sees_a_vf_that_is_open(kernel: FakeKernel) -> None:
    seen = make(kernel, 2, "vfio-pci")
    kernel.hold(str(seen[1]), "guest a")
    error = write_nothing(kernel, seen)
    assert error.found == f"{seen[1]}: vfio-pci has it, and the device is enabled (enable 1)"
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
    assert "macvtap0 is on top of interface eth1v0" in write_nothing(kernel, seen).found


def test_the_last_look_sees_that_a_vf_without_driver_is_switched_on(kernel: FakeKernel) -> None:
    (vf,) = make(kernel, 1)
    give(kernel, str(vf), "")
    (kernel.root / f"bus/pci/devices/{vf}/enable").write_text("1\n")
    assert write_nothing(kernel, (vf,)).found == (
        f"{vf}: it has no driver, and the device is enabled (enable 1)"
    )


def test_the_last_look_takes_what_it_cannot_read_for_use(kernel: FakeKernel) -> None:
    (vf,) = make(kernel, 1, "vfio-pci")
    enable = kernel.root / f"bus/pci/devices/{vf}/enable"
    enable.write_text("\n")
    assert f"{vf}: cannot read whether it is in use" in write_nothing(kernel, (vf,)).found
    enable.unlink()
    assert "No such file" in write_nothing(kernel, (vf,)).found


def test_vfs_that_came_or_went_since_the_decision_stop_the_write(kernel: FakeKernel) -> None:
    seen = make(kernel, 2)
    assert (
        write_nothing(kernel, seen[:1]).found == f"{seen[1]}: appeared since the decision was made"
    )
    gone = PciAddress.parse("0000:01:10.4")
    assert write_nothing(kernel, (*seen, gone)).found.startswith(f"{gone}: disappeared since")
    # A decision to make VFs where there are none does not hold once there are some.
    with pytest.raises(HostError, match="appeared since the decision"):
        write_numvfs(kernel.sysfs, PF, 2, must_be_closed=())


def test_a_child_whose_time_is_up_before_it_began_does_not_write(kernel: FakeKernel) -> None:
    """Its last look blocks: what it may find later counts no more."""
    (vf,) = make(kernel, 1, "vfio-pci")
    enable = kernel.root / f"bus/pci/devices/{vf}/enable"
    enable.unlink()
    os.mkfifo(enable)
    with pytest.raises(HostError, match=r"did not start within 0\.2 s") as caught:
        write_numvfs(kernel.sysfs, PF, 0, must_be_closed=(vf,), seconds=0.2)
    assert not isinstance(caught.value, WriteHung)
    assert kernel.vfs(FIRST) == (str(vf),)
