# SPDX-License-Identifier: Apache-2.0
"""The calls of recorded boots, through every service."""

from pathlib import Path

import pytest

from sidecar.pb import v1alpha2_pb2, v1alpha2_pb2_grpc, v1alpha3_pb2, v1alpha3_pb2_grpc
from tests.wire.hookprocess import CALLS, HookProcess, dial, mutate_by_plugin
from tests.wire.recordings import ALL_CALLS as RECORDED
from tests.wire.recordings import CALLS as PLUGGING
from tests.wire.recordings import asking, domain_of, name_of, vmi_of


@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("recorded", RECORDED, ids=name_of)
def test_a_vmi_that_asks_nothing_gets_its_bytes_back(
    shared_hook: HookProcess, recorded: Path, service: str
) -> None:
    domain = domain_of(recorded)
    # KubeVirt's own hostdevs lack a mode in the first call alone.
    modes = domain.count(b'<hostdev type="pci" managed="no">')
    answer = CALLS[service](shared_hook.path, domain, vmi_of(recorded))
    assert answer.count(b"<hostdev mode='subsystem' ") == modes
    assert answer.replace(b"<hostdev mode='subsystem' ", b"<hostdev ") == domain


@pytest.mark.parametrize("recorded", PLUGGING, ids=name_of)
def test_every_service_gives_the_same_answer(shared_hook: HookProcess, recorded: Path) -> None:
    domain, vmi = domain_of(recorded), asking(vmi_of(recorded), interfaces=12)
    answers = {call(shared_hook.path, domain, vmi) for call in CALLS.values()}
    assert len(answers) == 1
    assert answers != {b""}


def test_a_reservation_changes_the_domain(shared_hook: HookProcess) -> None:
    recorded = next(path for path in RECORDED if name_of(path) == "nic4-pass2")
    domain = domain_of(recorded)
    vmi = asking(vmi_of(recorded), interfaces=32)
    answer = CALLS["v1alpha3 OnDefineDomain"](shared_hook.path, domain, vmi)
    assert answer.count(b"pcie-root-port") > domain.count(b"pcie-root-port")


def test_a_migration_target_is_the_same_work(shared_hook: HookProcess) -> None:
    domain, vmi = domain_of(PLUGGING[0]), asking(vmi_of(PLUGGING[0]), interfaces=12)
    boot = mutate_by_plugin(shared_hook.path, domain, vmi, "Boot")
    assert mutate_by_plugin(shared_hook.path, domain, vmi, "MigrationTarget") == boot


def test_pre_cloud_init_iso_changes_nothing(shared_hook: HookProcess) -> None:
    source, data = b'{"userData":"x"}', b'{"DataSource":"noCloud"}'
    with dial(shared_hook.path) as channel:
        newest = v1alpha3_pb2_grpc.CallbacksStub(channel).PreCloudInitIso(
            v1alpha3_pb2.PreCloudInitIsoParams(
                cloudInitNoCloudSource=source, vmi=b"{}", cloudInitData=data
            ),
            timeout=5,
        )
        older = v1alpha2_pb2_grpc.CallbacksStub(channel).PreCloudInitIso(
            v1alpha2_pb2.PreCloudInitIsoParams(
                cloudInitNoCloudSource=source, vmi=b"{}", cloudInitData=data
            ),
            timeout=5,
        )
    assert (newest.cloudInitNoCloudSource, newest.cloudInitData) == (source, data)
    assert (older.cloudInitNoCloudSource, older.cloudInitData) == (source, data)
