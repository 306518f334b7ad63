# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.domainxml.eviction import check_eviction
from sidecar.errors import RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.request import AttachAs, Request, TeamingPair, VfEntry
from tests.unit.domainxml.build import refusal

ALONE = VfEntry("alone", None, "$[0]", address=PciAddress(0, 1, 2))
TEAMED = VfEntry("teamed", None, "$[1]", address=PciAddress(0, 1, 3), team="standby")


@pytest.mark.parametrize("strategy", ["LiveMigrate", "LiveMigrateIfPossible"])
@pytest.mark.parametrize("vfs", [(ALONE,), (TEAMED, ALONE)])
def test_a_drain_would_take_its_network_away(strategy: str, vfs: tuple[VfEntry, ...]) -> None:
    request = Request(vfs=vfs, eviction_strategy=strategy)
    assert str(refusal(RequestError, check_eviction, request)) == (
        "$[0]: VF alone has no team, and the VM migrates when its node is drained; found "
        f"spec.evictionStrategy {strategy}; expected a team for the VF, or evictionStrategy None "
        "or External. A VF of Portside leaves before a live migration and comes back at the next "
        'start only. Add "team" with a virtio network that takes over, or set '
        "spec.evictionStrategy to None (to External where something else moves the VM)"
    )


INTERFACES = (
    VfEntry("known", AttachAs.INTERFACE, "$[0]", address=PciAddress(0, 1, 2)),
    VfEntry("open", None, "$[1]", pool="fast"),
)


@pytest.mark.parametrize("entry", INTERFACES)
def test_an_interface_would_not_even_leave(entry: VfEntry) -> None:
    error = refusal(
        RequestError, check_eviction, Request(vfs=(entry,), eviction_strategy="LiveMigrate")
    )
    assert "KubeVirt does not unplug a VF that is an <interface>" in error.todo


def test_an_interface_is_said_to_stay() -> None:
    assert check_eviction(Request(vfs=(*INTERFACES, ALONE))) == (
        "a live migration takes the VFs away until the next start: alone",
        "VFs that KubeVirt does not unplug before a live migration: known, open",
    )


@pytest.mark.parametrize("strategy", [None, "None", "External"])
def test_no_drain_migrates_it(strategy: str | None) -> None:
    (note,) = check_eviction(Request(vfs=(ALONE, TEAMED), eviction_strategy=strategy))
    assert note == "a live migration takes the VFs away until the next start: alone, teamed"


def test_a_team_goes_on_over_its_standby() -> None:
    by_annotation = (TeamingPair("alone", "other", "$"),)
    request = Request(vfs=(ALONE, TEAMED), teaming=by_annotation, eviction_strategy="LiveMigrate")
    assert len(check_eviction(request)) == 1


def test_other_vms_are_not_concerned() -> None:
    assert check_eviction(Request(eviction_strategy="LiveMigrate")) == ()
