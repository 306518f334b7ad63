# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from sidecar.doctor.rules.finding import Code, Level
from sidecar.model.host_facts import DeviceNode, QemuUser, Reading
from sidecar.model.vf import UNKNOWN
from tests.unit.doctor.rules.hosts import QEMU, VFIO, bad, healthy, only

GROUP = DeviceNode("/dev/vfio/20", 0, 0, 0o600)
CONTAINER = DeviceNode("/dev/vfio/vfio", 0, 0, 0o666)


def test_vfio_that_the_kernel_does_not_have() -> None:
    found = only(healthy(vfio=replace(VFIO, loaded=False, available=False)))
    assert (found.code, found.level) == (Code.VFIO_MISSING, Level.FAILS)
    assert "6.12" in found.text
    for fine in (True, UNKNOWN):
        assert not bad(healthy(vfio=replace(VFIO, loaded=False, available=fine)))


def test_libvirt_looks_for_vfios_own_file() -> None:
    found = only(healthy(vfio=replace(VFIO, loaded=False, nodes=())))
    assert (found.code, found.level) == (Code.VFIO_NOT_LOADED, Level.FAILS)
    assert found.message == "host doesn't support passthrough of host PCI devices"
    assert found.remedy.startswith("modprobe vfio-pci")
    assert not bad(healthy(vfio=replace(VFIO, loaded=False, nodes=(CONTAINER,))))


@pytest.mark.parametrize(
    ("node", "denied"),
    [
        (DeviceNode("/dev/vfio/20", 0, 0, 0o600), True),
        (DeviceNode("/dev/vfio/20", QEMU, 0, 0o600), False),
        (DeviceNode("/dev/vfio/20", 0, 993, 0o660), False),
        (DeviceNode("/dev/vfio/20", 0, 992, 0o660), True),
        (DeviceNode("/dev/vfio/20", 0, 0, 0o666), False),
        (DeviceNode("/dev/vfio/20", QEMU, 0, 0o466), True),  # its owner's bits count alone
        (DeviceNode("/dev/vfio/20", 0, 993, 0o646), True),
    ],
)
def test_a_groups_file_without_dynamic_ownership(node: DeviceNode, *, denied: bool) -> None:
    facts = healthy(vfio=replace(VFIO, dynamic_ownership=False, nodes=(CONTAINER, node)))
    if not denied:
        assert not bad(facts)
        return
    found = only(facts)
    assert (found.code, found.level) == (Code.VFIO_PERMISSION, Level.FAILS)
    assert found.message == "failed to open /dev/vfio/20: Permission denied"
    assert found.evidence[0].content.endswith(f"mode {node.mode:04o}")
    assert "dynamic_ownership = 1" in found.remedy


def test_libvirt_hands_a_groups_file_over_by_itself() -> None:
    assert not bad(healthy(vfio=replace(VFIO, nodes=(CONTAINER, GROUP))))


def test_the_container_file_is_never_handed_over() -> None:
    shut = replace(CONTAINER, mode=0o600)
    found = only(healthy(vfio=replace(VFIO, nodes=(shut,))))
    assert found.message == "failed to open /dev/vfio/vfio: Permission denied"


def test_files_that_are_still_to_be_made_need_a_rule_of_udev() -> None:
    later = replace(VFIO, dynamic_ownership=False, nodes=(CONTAINER,))
    assert only(healthy(vfio=later)).object == "/dev/vfio/N"
    rule = Reading("/etc/udev/rules.d/10-vfio.rules", 'SUBSYSTEM=="vfio", OWNER="libvirt-qemu"')
    assert not bad(healthy(vfio=replace(later, rules=(rule,))))


@pytest.mark.parametrize("user", [QemuUser("root", 0), QemuUser("nobody-here", None)])
def test_root_may_and_of_an_unknown_user_nothing_is_said(user: QemuUser) -> None:
    own = replace(VFIO, user=user, dynamic_ownership=False)
    assert not bad(healthy(vfio=own))
    assert not bad(healthy(vfio=replace(own, nodes=(CONTAINER,))))


def test_apparmor_without_a_line_on_vfio_is_a_warning_and_one_that_denies_fails() -> None:
    path = "/etc/apparmor.d/abstractions/libvirt-qemu"
    lacking = replace(VFIO, profiles={path: ()})
    found = only(healthy(vfio=lacking))
    assert (found.code, found.level) == (Code.VFIO_APPARMOR, Level.WARNING)
    assert path in found.remedy
    denying = replace(VFIO, profiles={path: ("/dev/vfio/vfio rw,", "deny /dev/vfio/* rw,")})
    assert only(healthy(vfio=denying)).level is Level.FAILS
    assert not bad(healthy(vfio=replace(lacking, confined=False)))
    assert not bad(healthy(vfio=replace(lacking, profiles={})))
