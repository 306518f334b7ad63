# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from sidecar.errors import HostError
from sidecar.host.binding import bind, restore, unbind
from sidecar.host.numvfs import WriteHung
from sidecar.host.sysfs import Sysfs
from sidecar.model.availability import Availability, Evidence
from sidecar.model.pci import PciAddress
from sidecar.pools.rules.availability import assess, weigh_guest
from tests.fakes.kernel import FakeKernel
from tests.fakes.sriov import UP, FakeInterface, FakePf
from tests.unit.host.conftest import FIRST

FREE = assess((Evidence(Availability.FREE, "interface eth1v0 is down"), weigh_guest(None)))
ADDRESS = "0000:01:10.0"
VF = PciAddress.parse(ADDRESS)
PATIENCE = 2.0
"""Seconds in which a child begins, on a busy machine too."""


@pytest.fixture
def made(kernel: FakeKernel) -> FakeKernel:
    """The kernel with one VF, which igbvf has."""
    assert kernel.write(f"{FIRST},sriov_numvfs", "1") == 0
    return kernel


def override(kernel: FakeKernel) -> str:
    return (kernel.root / f"bus/pci/devices/{ADDRESS}/driver_override").read_text().strip()


def test_a_vf_goes_to_vfio_and_back(made: FakeKernel) -> None:
    assert bind(made.sysfs, VF, "vfio-pci", assessment=FREE) == "igbvf"
    assert (made.driver(ADDRESS), override(made)) == ("vfio-pci", "vfio-pci")
    assert bind(made.sysfs, VF, "vfio-pci", assessment=FREE) == "vfio-pci"
    restore(made.sysfs, VF, "igbvf", assessment=FREE)
    assert (made.driver(ADDRESS), override(made)) == ("igbvf", "(null)")
    assert made.taken == ()


def test_a_vf_without_a_driver_gets_one_and_loses_it_again(made: FakeKernel) -> None:
    assert unbind(made.sysfs, VF) == "igbvf"
    assert made.driver(ADDRESS) == ""
    assert unbind(made.sysfs, VF) == ""
    assert bind(made.sysfs, VF, "vfio-pci") == ""
    restore(made.sysfs, VF, "")
    assert (made.driver(ADDRESS), override(made)) == ("", "(null)")


def test_a_driver_comes_back_by_override_where_there_is_no_probe(made: FakeKernel) -> None:
    bind(made.sysfs, VF, "vfio-pci")
    made.write(f"{FIRST},sriov_drivers_autoprobe", "0")
    restore(made.sysfs, VF, "igbvf")
    assert (made.driver(ADDRESS), override(made)) == ("igbvf", "igbvf")


@pytest.mark.parametrize("verdict", [Availability.IN_USE, Availability.UNKNOWN])
def test_a_vf_in_use_keeps_its_driver(made: FakeKernel, verdict: Availability) -> None:
    usage = assess((*FREE.evidence, Evidence(verdict, "domain a has it, or may have it", "a")))
    acts = (
        lambda: bind(made.sysfs, VF, "vfio-pci", assessment=usage),
        lambda: unbind(made.sysfs, VF, assessment=usage),
        lambda: restore(made.sysfs, VF, "", assessment=usage),
    )
    for act in acts:
        with pytest.raises(HostError) as caught:
            act()
        assert str(caught.value) == (
            f"VF {ADDRESS}: its driver is not changed: the VF is {verdict}; found domain a has "
            "it, or may "
            "have it; expected an unused VF. Free the VF, then try again"
        )
    assert (made.driver(ADDRESS), override(made)) == ("igbvf", "(null)")


def test_the_last_look_keeps_an_open_vf_with_its_driver(made: FakeKernel) -> None:
    bind(made.sysfs, VF, "vfio-pci")
    made.hold(ADDRESS, "guest a", lets_go=False)
    for act in (unbind, lambda sysfs, vf: restore(sysfs, vf, "igbvf")):
        with pytest.raises(HostError, match=r"the device is enabled"):
            act(made.sysfs, VF)
    assert (made.driver(ADDRESS), override(made)) == ("vfio-pci", "vfio-pci")
    assert (made.taken, made.stuck) == ((), ())


def test_the_last_look_sees_interfaces(made: FakeKernel) -> None:
    made.set_up(ADDRESS)
    with pytest.raises(HostError, match="interface eth1v0 is up"):
        bind(made.sysfs, VF, "vfio-pci")
    made.set_up(ADDRESS, up=False)
    made.move(ADDRESS, "pod")
    with pytest.raises(HostError, match="no network interface in this network namespace"):
        bind(made.sysfs, VF, "vfio-pci")
    assert (made.driver(ADDRESS), override(made), made.taken) == ("igbvf", "(null)", ())


def test_an_unbind_that_never_comes_back_is_left(made: FakeKernel) -> None:
    bind(made.sysfs, VF, "vfio-pci")
    made.hold(ADDRESS, "guest a", lets_go=False)
    (made.root / f"bus/pci/devices/{ADDRESS}/enable").write_text("0\n")
    with pytest.raises(WriteHung, match=rf"VF {ADDRESS}: writing {ADDRESS} to unbind does not"):
        unbind(made.sysfs, VF, seconds=PATIENCE)
    # The device's lock is held: not even the override can be written.
    with pytest.raises(WriteHung, match="to driver_override does not"):
        bind(made.sysfs, VF, "igbvf", seconds=PATIENCE)
    made.release(ADDRESS)
    assert made.driver(ADDRESS) == ""


def test_a_driver_that_is_not_loaded_is_told(made: FakeKernel) -> None:
    with pytest.raises(HostError, match=r"driver xe-vfio-pci is not loaded.*modprobe xe-vfio-pci"):
        bind(made.sysfs, VF, "xe-vfio-pci")
    assert made.driver(ADDRESS) == "igbvf"


def test_without_iommu_the_vf_goes_back_to_its_driver(tmp_path: Path) -> None:
    with FakeKernel(tmp_path, [FakePf(FIRST, interfaces=[FakeInterface("eth1", UP)])]) as kernel:
        kernel.write(f"{FIRST},sriov_numvfs", "1")
        with pytest.raises(HostError) as caught:
            bind(kernel.sysfs, VF, "vfio-pci")
        assert (kernel.driver(ADDRESS), override(kernel)) == ("igbvf", "(null)")
    assert str(caught.value) == (
        f"VF {ADDRESS}: driver vfio-pci does not bind to it; found Invalid argument (EINVAL). "
        "The VF has driver igbvf now. The IOMMU is off: portside doctor says how to enable it"
    )


def test_what_is_gone_is_told(kernel: FakeKernel) -> None:
    for act in (unbind, lambda sysfs, vf: bind(sysfs, vf, "vfio-pci")):
        with pytest.raises(HostError, match=f"VF {ADDRESS}: no such PCI device"):
            act(kernel.sysfs, VF)


def test_who_may_not_write_is_told(made: FakeKernel) -> None:
    (made.root / f"bus/pci/devices/{ADDRESS}/driver_override").unlink()
    (made.root / f"bus/pci/devices/{ADDRESS}/driver_override").mkdir()
    with pytest.raises(
        HostError, match=r"not written to driver_override.*\(EISDIR\)\. Run as root"
    ):
        bind(Sysfs(made.root), VF, "vfio-pci")
