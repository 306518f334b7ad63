# SPDX-License-Identifier: Apache-2.0
"""``portside node`` as a process: its socket, its HTTP, its end, and what a restart keeps."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from sidecar.model.lease import LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from tests.fakes.host import PFS, Host, vmi
from tests.fakes.sriov import UP, FakeInterface
from tests.wire.hookprocess import wait_until
from tests.wire.nodeprocess import NO_LIBVIRT, NodeProcess

UP_PFS = [
    replace(pf, interfaces=[FakeInterface(f"portside-fake{number}", flags=UP)])
    for number, pf in enumerate(PFS)
]
"""Up already, for real netlink has no such interface."""


@pytest.fixture
def host(base: Path) -> Host:
    return Host(base, UP_PFS)


@pytest.fixture
def agent(host: Host, base: Path) -> Iterator[NodeProcess]:
    assert host.tree.root == base / "sys"
    with NodeProcess(base, *NO_LIBVIRT) as process:
        yield process.wait_until_serving()


def refused(agent: NodeProcess, document: bytes) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as caught:
        agent.call("PreVMStart", document)
    return caught.value


def test_calls_repeat_and_leases_go_with_their_vm(agent: NodeProcess, host: Host) -> None:
    one = vmi("one", [{"name": "a", "address": host.vf(1)}])
    for _ in range(3):
        agent.call("PreVMStart", one)
    assert host.lease(1).state is LeaseState.LEASED
    assert host.lease(1).generation == 1
    error = refused(agent, vmi("two", [{"name": "a", "address": host.vf(1)}]))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "VF 1 of PF 0000:01:00.0 belongs to vmi default/one" in (error.details() or "")
    for _ in range(2):
        agent.call("PostVMStop", one)
    assert host.lease(1).free
    (line,) = agent.lines("node hook refused")
    assert (line["name"], line["code"]) == ("two", "RESOURCE_EXHAUSTED")


def test_other_points_and_vmis_that_ask_nothing_are_answered(
    agent: NodeProcess, host: Host
) -> None:
    agent.call("PreMigrationSource", vmi("one", [{"name": "a", "address": host.vf(1)}]))
    agent.call("PreVMStart", vmi("plain"))
    agent.call("PostVMStop", vmi("plain"))
    assert host.store.all_leases() == ()
    (line,) = agent.lines("node hook not served")
    assert line["hook_point"] == "PreMigrationSource"


def test_a_setting_that_no_interface_takes_is_refused_and_nothing_leased(
    agent: NodeProcess, host: Host
) -> None:
    error = refused(agent, vmi("one", [{"name": "a", "address": host.vf(1), "vlan": {"id": 100}}]))
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert "portside-fake0" in (error.details() or "")
    assert host.lease(1).free


@pytest.mark.parametrize("rubbish", [b"", b"{", b"[]", b'{"metadata": 7}'])
def test_rubbish_is_refused_or_asks_nothing_and_the_agent_lives(
    agent: NodeProcess, rubbish: bytes
) -> None:
    for point in ("PreVMStart", "PostVMStop"):
        try:
            agent.call(point, rubbish)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT  # noqa: PT017 - or none
    agent.call("PreVMStart", vmi("plain"))


def test_metrics_and_health(agent: NodeProcess, host: Host) -> None:
    assert agent.get("/healthz") == (200, "ok\n")
    assert agent.get("/readyz") == (200, "ok\n")
    pf = PFS[0].address
    assert agent.metric("portside_vfs", pf=pf, state="free") == 3
    agent.call("PreVMStart", vmi("secret-name", [{"name": "a", "address": host.vf(1)}]))
    refused(agent, vmi("two", [{"name": "a", "address": host.vf(1)}]))
    assert agent.metric("portside_vfs", pf=pf, state="free") == 2
    assert agent.metric("portside_vfs", pf=pf, state="leased") == 1
    assert agent.metric("portside_operation_seconds_count", operation="PreVMStart") == 2
    refusals = {"operation": "PreVMStart", "class": "CapacityError"}
    assert agent.metric("portside_refusals_total", **refusals) == 1
    assert "secret-name" not in agent.get("/metrics")[1]


def test_it_is_not_ready_while_the_host_cannot_be_read(agent: NodeProcess, host: Host) -> None:
    away = host.tree.devices.with_name("away")
    host.tree.devices.rename(away)
    status, text = agent.get("/readyz")
    assert status == 503
    assert "cannot read the PCI devices" in text
    assert agent.get("/healthz")[0] == 200
    assert agent.metric("portside_inventory_readable") == 0
    away.rename(host.tree.devices)
    assert agent.get("/readyz")[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_takes_the_socket_away(
    agent: NodeProcess, number: signal.Signals
) -> None:
    agent.process.send_signal(number)
    assert agent.process.wait(timeout=10) == 0
    assert agent.lines("stopped")[-1]["reason"] == number.name
    assert not agent.socket.exists()


def test_a_killed_agent_forgets_nothing(base: Path, host: Host) -> None:
    one = vmi("one", [{"name": "a", "address": host.vf(1)}])
    with NodeProcess(base, *NO_LIBVIRT) as first:
        first.wait_until_serving().call("PreVMStart", one)
    with NodeProcess(base, *NO_LIBVIRT) as second:
        second.wait_until_serving()
        refused(second, vmi("two", [{"name": "a", "address": host.vf(1)}]))
        second.call("PostVMStop", one)
        second.call("PreVMStart", vmi("two", [{"name": "a", "address": host.vf(1)}]))
    assert str(host.lease(1).holder) == "vmi default/two"


def test_a_second_agent_does_not_take_the_socket(agent: NodeProcess, base: Path) -> None:
    with NodeProcess(base, *NO_LIBVIRT) as second:
        assert second.process.wait(timeout=20) == 1
        (line,) = second.lines("cannot serve")
        assert "another process serves this socket" in str(line["error"])
    agent.call("PreVMStart", vmi("plain"))


def test_a_pool_that_cannot_be_kept_is_tried_again_and_stops_nothing(
    base: Path, host: Host
) -> None:
    pf = PciAddress.parse(PFS[0].address)
    host.store.write_pool(PoolRecord(PoolDefinition("fast", "x", 3), pf, autostart=True))
    absent = ("--connect", "qemu+unix:///system?socket=/absent", "--interval", "1")
    with NodeProcess(base, *absent) as agent:
        agent.wait_until_serving()
        wait_until(lambda: len(agent.lines("pool reconcile failed")) >= 2)
        first, second = agent.lines("pool reconcile failed")[:2]
        assert (first["retry_seconds"], second["retry_seconds"]) == (1.0, 2.0)
        assert "cannot open libvirt" in str(first["error"])
        failures = agent.metric("portside_reconcile_failures_total", pool="fast")
        assert failures is not None
        assert failures >= 2
        assert agent.get("/healthz")[0] == 200
        # Who has which VF is not known without libvirt, so none is given away.
        error = refused(agent, vmi("one", [{"name": "a", "address": host.vf(1)}]))
        assert "cannot query libvirt" in (error.details() or "")
        assert agent.terminate() == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--metrics-address", "9494"), "ADDRESS:PORT"),
        (("--log-level", "loud"), "debug, info"),
        (("--interval", "0"), "interval"),
    ],
)
def test_an_option_that_cannot_be_is_said(
    base: Path, host: Host, arguments: tuple[str, ...], words: str
) -> None:
    assert host.tree.root.exists()
    with NodeProcess(base, *arguments) as agent:
        assert agent.process.wait(timeout=20) == 2
    assert words in (base / "log").read_text()
