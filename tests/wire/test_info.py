# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from sidecar.pb import info_pb2
from tests.wire.hookprocess import HookProcess, call_info


def test_info_offers_all_versions_and_two_hook_points(hook: HookProcess) -> None:
    assert call_info(hook.path) == info_pb2.InfoResult(
        name="portside",
        hookPoints=[
            info_pb2.HookPoint(name="OnDefineDomain"),
            info_pb2.HookPoint(name="Shutdown"),
        ],
        versions=["v1alpha3", "v1alpha2", "v1alpha1"],
    )
    assert hook.wait_for_line("Info")["level"] == "info"


@pytest.mark.parametrize("version", ["v1alpha1", "v1alpha2"])
def test_shutdown_is_not_subscribed_to_below_v1alpha3(socket_dir: Path, version: str) -> None:
    with HookProcess(socket_dir, "--version", version) as hook:
        result = call_info(hook.wait_for_socket().path)
    assert list(result.versions) == [version]
    assert [point.name for point in result.hookPoints] == ["OnDefineDomain"]


def test_versions_are_offered_newest_first(socket_dir: Path) -> None:
    with HookProcess(socket_dir, "--version", "v1alpha1", "--version", "v1alpha3") as hook:
        result = call_info(hook.wait_for_socket().path)
    assert list(result.versions) == ["v1alpha3", "v1alpha1"]
