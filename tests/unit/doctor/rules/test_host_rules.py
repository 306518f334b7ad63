# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest

from sidecar.doctor.rules.examine import examine
from sidecar.doctor.rules.facts import DriverTraits, LibvirtFacts
from sidecar.doctor.rules.finding import Code, Level, any_fails
from sidecar.model.host_facts import Reading
from sidecar.model.lease import Holder, HolderKind, Lease, LeaseState
from sidecar.model.pool import PfRecord
from sidecar.model.vf import UNKNOWN
from tests.unit.doctor.rules.hosts import (
    IOMMU,
    LIBVIRT,
    OTHER_PF,
    PF,
    VFIO,
    bad,
    codes,
    healthy,
    interface,
    make_pf,
    only,
    pf_facts,
    vf_address,
)


def test_a_healthy_host_has_only_good_findings_on_each_subject() -> None:
    findings = examine(healthy())
    assert {finding.code for finding in findings} == {
        *(Code.IOMMU, Code.VFIO, Code.LIBVIRT, Code.PF, Code.POOL)
    }
    assert all(finding.level is Level.OK for finding in findings)
    assert not any_fails(findings)


def test_what_fails_comes_first() -> None:
    facts = healthy(
        iommu=replace(IOMMU, types={14: "DMA"}), vfio=replace(VFIO, loaded=False, available=False)
    )
    levels = [finding.level for finding in examine(facts)]
    assert levels[:2] == [Level.FAILS, Level.WARNING]
    assert set(levels[2:]) == {Level.OK}


def test_no_iommu_group_means_that_no_device_goes_to_a_guest() -> None:
    found = only(healthy(iommu=replace(IOMMU, groups=0, units=(), command_line="quiet")))
    assert (found.code, found.level) == (Code.IOMMU_OFF, Level.FAILS)
    assert found.message == "host doesn't support passthrough of host PCI devices"
    assert Reading("/sys/kernel/iommu_groups", "0 groups") in found.evidence
    assert Reading("/proc/cmdline", "no IOMMU options") in found.evidence


def test_the_word_that_switches_the_iommu_off_is_named() -> None:
    line = "quiet intel_iommu=off"
    found = only(healthy(iommu=replace(IOMMU, groups=0, types={}, command_line=line)))
    assert "intel_iommu=off" in found.text
    assert found.remedy.startswith("Remove intel_iommu=off from")


def test_groups_that_cannot_be_read_are_not_an_iommu() -> None:
    assert only(healthy(iommu=replace(IOMMU, groups=UNKNOWN))).code is Code.IOMMU_OFF


@pytest.mark.parametrize("kind", ["DMA", "DMA-FQ"])
def test_translation_is_a_warning(kind: str) -> None:
    found = only(healthy(iommu=replace(IOMMU, types={14: kind})))
    assert (found.code, found.level) == (Code.IOMMU_TRANSLATES, Level.WARNING)
    assert found.evidence[0] == Reading("/sys/kernel/iommu_groups/14/type", kind)


def test_a_host_without_sriov() -> None:
    facts = replace(healthy(), pfs=(), pools=())
    assert only(facts).code is Code.NO_PF


def test_a_pf_without_driver() -> None:
    found = only(healthy(pf_facts(make_pf(driver=None))))
    assert (found.code, found.level) == (Code.PF_NO_DRIVER, Level.FAILS)
    assert found.evidence == (Reading(f"/sys/bus/pci/devices/{PF}/driver", "no link"),)
    assert "drivers_probe" in found.remedy


def test_a_driver_without_sriov_configure_fails_only_where_vfs_are_to_be_made() -> None:
    traits = DriverTraits(configures=False, hints=("mlx4_core makes them by num_vfs.",))
    empty = healthy(pf_facts(make_pf(0, driver="mlx4_core"), traits), pools=())
    found = next(one for one in bad(empty) if one.code is Code.DRIVER_NO_SRIOV)
    assert found.level is Level.FAILS
    assert "num_vfs" in found.remedy
    assert "ENOENT" in found.message
    there = only(healthy(pf_facts(make_pf(2, driver="mlx4_core"), traits)))
    assert (there.code, there.level) == (Code.DRIVER_NO_SRIOV, Level.WARNING)


def test_a_pf_that_is_down_in_libvirts_own_words() -> None:
    found = only(healthy(pf_facts(make_pf(nets=(interface(up=False),)))))
    assert (found.code, found.level) == (Code.PF_DOWN, Level.FAILS)
    assert found.message == (
        "Unable to configure VF 0 of PF 'eth1' because the PF is not online. Please change host "
        "network config to put the PF online."
    )
    assert found.remedy.startswith("ip link set eth1 up")


def test_a_driver_that_needs_the_pf_up_to_make_vfs() -> None:
    down = make_pf(0, driver="bnxt_en", nets=(interface(up=False),))
    found = codes(healthy(pf_facts(down, DriverTraits(needs_pf_up=True)), pools=()))
    assert found == [Code.PF_DOWN_NO_VFS, Code.PF_NO_VFS]
    up = make_pf(0, driver="bnxt_en")
    found = codes(healthy(pf_facts(up, DriverTraits(needs_pf_up=True)), pools=()))
    assert found == [Code.PF_NO_VFS]


def test_a_pf_whose_interface_is_elsewhere() -> None:
    facts = healthy(pf_facts(make_pf(nets=())), pools=())
    assert only(facts).code is Code.PF_NO_INTERFACE


def test_a_pf_whose_vfs_cannot_be_listed() -> None:
    pf = replace(make_pf(0), vfs=UNKNOWN)
    assert only(healthy(replace(pf_facts(pf), answer=0))).code is Code.PF_UNREADABLE


def test_what_is_wrong_with_a_pf_that_no_pool_uses_is_a_warning() -> None:
    spare = pf_facts(make_pf(0, address=OTHER_PF, driver=None, nets=()))
    facts = healthy(pf_facts(), spare)
    assert {finding.level for finding in bad(facts)} == {Level.WARNING}
    without_pools = replace(facts, pools=())
    assert any_fails(examine(without_pools))


def test_a_group_with_other_devices_is_said_once() -> None:
    pf = make_pf(2)
    assert pf.vfs is not UNKNOWN
    vfs = tuple(replace(vf, iommu_group=4) for vf in pf.vfs)
    both = {vf.address: ("0000:01:00.0 (igb)",) for vf in vfs}
    facts = healthy(pf_facts(replace(pf, vfs=vfs)), shared=both)
    found = only(facts)
    assert (found.code, found.level) == (Code.GROUP_SHARED, Level.FAILS)
    assert found.message == f"vfio {vf_address(0)}: group 4 is not viable"
    assert "0000:01:00.0 (igb)" in found.evidence[0].content


def test_a_pf_that_does_not_answer_fails_all_pfs() -> None:
    found = only(healthy(replace(pf_facts(), answer=UNKNOWN)))
    assert (found.code, found.level) == (Code.PF_WEDGED, Level.FAILS)
    spare = pf_facts(make_pf(2, address=OTHER_PF, nets=(interface("eth2"),)))
    found = only(healthy(pf_facts(), replace(spare, answer=UNKNOWN)))
    assert found.level is Level.FAILS


def test_a_number_that_differs_from_the_links_is_a_warning() -> None:
    found = only(healthy(replace(pf_facts(), answer=5)))
    assert (found.code, found.level) == (Code.PF_WEDGED, Level.WARNING)
    assert [one.content for one in found.evidence] == ["5", "2"]


def test_quarantine_and_what_was_not_finished() -> None:
    found = only(healthy(replace(pf_facts(), quarantine="a write hung")))
    assert (found.code, found.level) == (Code.PF_QUARANTINED, Level.FAILS)
    assert found.message == "a write hung"
    record = PfRecord(PF, operation="make 4 VFs")
    found = only(healthy(replace(pf_facts(), record=record)))
    assert (found.code, found.level) == (Code.PF_UNFINISHED, Level.WARNING)


def test_a_lease_to_be_inspected() -> None:
    holder = Holder(HolderKind.DOMAIN, "vm")
    lease = Lease(PF, 1, 1, LeaseState.INSPECT, holder, reason="cut short")
    found = only(healthy(replace(pf_facts(), leases=(lease,))))
    assert (found.code, found.level) == (Code.VF_INSPECT, Level.WARNING)
    assert "domain vm" in found.text
    leased = replace(lease, state=LeaseState.LEASED)
    assert not bad(healthy(replace(pf_facts(), leases=(leased,))))


def test_records_that_cannot_be_read() -> None:
    assert only(healthy(state_error="no JSON")).code is Code.STATE_UNREADABLE


def test_libvirt_that_does_not_answer_fails_only_a_call_that_needs_it() -> None:
    gone = LibvirtFacts("qemu:///system", error="Failed to connect socket")
    found = only(healthy(libvirt=gone, pools=()))
    assert (found.code, found.level) == (Code.LIBVIRT_UNREACHABLE, Level.WARNING)
    assert found.message == "Failed to connect socket"
    assert only(healthy(libvirt=replace(gone, wanted=True), pools=())).level is Level.FAILS
    assert not bad(healthy(libvirt=LIBVIRT))
