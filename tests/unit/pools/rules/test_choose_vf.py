# SPDX-License-Identifier: Apache-2.0
"""Which VF the next guest gets, and what the refusal says where there is none."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from sidecar.errors import CapacityError, HostError, PortsideError
from sidecar.model.availability import Assessment, Availability, Evidence, Source
from sidecar.model.pool import PfRecord, PfView
from sidecar.model.vf import UNKNOWN
from sidecar.pools.rules.availability import assess, weigh_configuration
from sidecar.pools.rules.choose_vf import choose_vf
from tests.unit.domainxml.build import refusal
from tests.unit.pools.rules.situations import (
    BOOT,
    FREE,
    HELD,
    KERNEL_FREE,
    PF,
    interface,
    situation,
    vf,
)

IN_A_DOMAIN = assess(
    (
        KERNEL_FREE,
        Evidence(Availability.IN_USE, "domain vm1 (paused) has it", "domain vm1", Source.LIBVIRT),
    )
)
PROMISED = assess((*FREE.evidence, weigh_configuration("vm1")))
DOUBTFUL = assess(
    (KERNEL_FREE, Evidence(Availability.UNKNOWN, "cannot query libvirt", source=Source.LIBVIRT))
)


def look(usages: Sequence[Assessment], **changes: object) -> PfView:
    return replace(situation(usages).view, **changes)  # type: ignore[arg-type] # by name


def choose(view: PfView, *, libvirt_chooses: bool = False, managed: bool = True) -> int:
    return choose_vf(view, libvirt_chooses=libvirt_chooses, managed=managed).index


def test_the_last_free_one_is_taken() -> None:
    assert choose(look([FREE, FREE, HELD, DOUBTFUL, IN_A_DOMAIN])) == 1


def test_what_a_configuration_names_is_not_taken() -> None:
    assert choose(look([FREE, PROMISED])) == 0


def test_libvirt_chooses_among_those_that_no_domain_has() -> None:
    assert choose(look([IN_A_DOMAIN, FREE, FREE]), libvirt_chooses=True) == 1


@pytest.mark.parametrize("usage", [HELD, DOUBTFUL])
def test_libvirt_does_not_choose_where_one_is_not_free(usage: Assessment) -> None:
    view = look([FREE, usage])
    error = refusal(CapacityError, choose, view, libvirt_chooses=True)
    assert "libvirt would choose the VF and might take one that is not free" in str(error)
    assert str(vf(1).address) in error.found
    assert str(vf(0).address) not in error.found
    assert choose(view) == 0


def test_nor_where_a_configuration_names_one() -> None:
    view = look([FREE, PROMISED])
    error = refusal(CapacityError, choose, view, libvirt_chooses=True)
    assert "the configuration of domain vm1 names it" in error.found


def test_a_refusal_names_everybody() -> None:
    single = assess((KERNEL_FREE,))
    view = look([HELD, DOUBTFUL, IN_A_DOMAIN, PROMISED, single])
    error = refusal(CapacityError, choose, view)
    assert error.what == "no VF is free"
    reasons = (
        "in use: process qemu 7 has /dev/vfio/4 open",
        "unknown: cannot query libvirt",
        "in use: domain vm1 (paused) has it",
        "promised: the configuration of domain vm1 names it",
        "unknown: not confirmed by a second source",
    )
    assert error.found == "; ".join(
        f"VF {index} ({vf(index).address}) is {text}" for index, text in enumerate(reasons)
    )


def test_more_vfs_are_not_advised_where_the_host_brings_them_up() -> None:
    up = assess((Evidence(Availability.IN_USE, "interface eth1v0 is up", "eth1v0 is up"),))
    view = look([up, HELD])
    taken = replace(view.vfs[0], driver="igbvf", interfaces=(interface("eth1v0"),))
    view = replace(view, pf=replace(view.pf, vfs=(taken, view.vfs[1])))
    for libvirt_chooses in (False, True):
        error = refusal(CapacityError, choose, view, libvirt_chooses=libvirt_chooses)
        assert "unmanaged-devices=interface-name:eth1v0" in error.todo
        assert error.todo.endswith("ip link set eth1v0 down")
    error = refusal(CapacityError, choose, look([HELD]))
    assert error.todo == "Detach one, or define the pool with more VFs and start it anew"


def test_a_pf_without_vfs_says_so() -> None:
    assert "no VFs" in str(refusal(CapacityError, choose, look([])))


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (look([FREE], up=False), "its interface is down"),
        (look([FREE], record=PfRecord(PF, boot=BOOT, quarantine="it hung")), "quarantine: it hung"),
        (situation(vfs=UNKNOWN).view, "its VFs cannot be listed"),
        (
            look([FREE], shared_groups={vf(0).address: ("0000:01:00.1",)}),
            "also in the group: 0000:01:00.1",
        ),
    ],
)
def test_a_pf_or_vf_that_cannot_go_to_a_guest(view: PfView, message: str) -> None:
    assert message in str(refusal(HostError, choose, view))


@pytest.mark.parametrize("group", [None, UNKNOWN])
def test_a_vf_without_iommu_group_goes_to_nobody(group: object) -> None:
    bare = replace(vf(0), iommu_group=group)  # type: ignore[arg-type] # both are what it may be
    view = look([FREE])
    view = replace(view, pf=replace(view.pf, vfs=(bare,)))
    assert "no IOMMU group" in str(refusal(HostError, choose, view))


def test_an_unmanaged_pools_vf_must_be_bound_to_vfio() -> None:
    view = look([FREE])
    assert choose(view, managed=False) == 0
    bound = replace(view, pf=replace(view.pf, vfs=(replace(vf(0), driver="igbvf"),)))
    error: PortsideError = refusal(HostError, choose, bound, managed=False)
    assert "found driver igbvf" in str(error)


def test_where_libvirt_chooses_every_group_must_be_viable() -> None:
    view = look([FREE, FREE], shared_groups={vf(0).address: ("0000:01:00.1",)})
    assert choose(view) == 1
    assert "not viable" in str(refusal(HostError, choose, view, libvirt_chooses=True))
