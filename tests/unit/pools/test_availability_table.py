# SPDX-License-Identifier: Apache-2.0
"""Every combination of signals of one VF, through all that tell whether it may be taken.

A host of real files, libvirt's own test driver and real records; what the combination comes to
is said by a table of its own here.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sidecar.agent.metrics import Census
from sidecar.agent.prepare import Preparer
from sidecar.agent.snapshot import look
from sidecar.cli.lease_view import describe_lease, describe_leases
from sidecar.cli.pool_data import describe_status
from sidecar.cli.vf_data import describe_host
from sidecar.doctor.read_facts import Question, diagnose
from sidecar.doctor.rules.finding import Code
from sidecar.domainxml.profile import read_profile
from sidecar.errors import CapacityError, HostError, PortsideError
from sidecar.host.pciids import PciNames
from sidecar.host.writer import find_doubt
from sidecar.model.availability import Availability
from sidecar.model.pool import PoolDefinition
from sidecar.model.settings import VfSettings
from sidecar.pools.attach_plan import AttachRequest, AttachSight, PoolNetwork, plan_attach
from sidecar.pools.clear_leases import clear_lease, list_leases, show_lease
from sidecar.pools.live_or_config import Scope
from sidecar.pools.observe import ask_guests, look_at, observe_host
from sidecar.pools.pool_status import read_status
from sidecar.pools.rules.guard import find_holders
from sidecar.pools.set_vf import set_vf
from sidecar.virt.connection import Libvirt
from sidecar.virt.devices import need_domain
from sidecar.virt.networks import Networks
from tests.fakes.host import vmi
from tests.unit.pools.one_vf import (
    CASES,
    DOMAIN,
    KERNEL,
    LEASED,
    NETWORK,
    PF,
    WANTS,
    Case,
    OneVf,
    one_vf,
)

pytest.importorskip("libvirt", reason="needs libvirt-python")


def words(host: OneVf, *, asked: bool) -> dict[str, str]:
    """Return what each list calls the VF."""
    node = host.node
    (pf,) = describe_host(observe_host(node, ask_guests(node)), PciNames())["pfs"]
    (lease,) = describe_leases(list_leases(node, every=True))
    found = {
        "vf list": pf["vfs"][0]["availability"],
        "lease list": lease["availability"],
        "metrics": metric(host),
    }
    if lease["state"] != "free":
        found["lease show"] = describe_lease(show_lease(node, host.address))["availability"]
    if asked:
        (status,) = describe_status(read_status(node))
        assert status["free"] == status["counts"][Availability.FREE]
        assert any("exhausted" in one for one in status["warnings"]) is (status["free"] == 0)
        found["pool status"] = status["vfs"][0]["availability"]
    return found


def metric(host: OneVf) -> str:
    registry = CollectorRegistry()
    registry.register(Census(lambda: look(host.node, ask_guests(host.node))))
    labels = {"pf": str(PF), "interface": "eth1"}
    (word,) = [
        state
        for state in Availability
        if registry.get_sample_value("portside_vfs", {**labels, "state": state}) == 1
    ]
    return str(word)


def outcome(act: Callable[[], Any]) -> PortsideError | None:
    """Return how a command that takes the VF, or changes it, was refused."""
    try:
        act()
    except PortsideError as error:
        return error
    return None


def plan(host: OneVf, libvirt: Libvirt) -> None:
    """Choose as attach does; libvirt's test driver shows no active network's definition."""
    pool = PoolNetwork(PoolDefinition("fast", "eth1"), read_profile(NETWORK), PF)
    request = AttachRequest("buyer", "fast", scope=Scope(config=True))
    with host.store.lock(PF) as held:
        sight = AttachSight(host.node, libvirt, held, pool)
        plan_attach(sight, need_domain(libvirt, "buyer"), request)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_all_that_look_say_one_word(case: Case, tmp_path: Path) -> None:
    with one_vf(tmp_path, case) as host:
        said = words(host, asked=case.asked)
        doubt = find_doubt(str(host.node.sysfs.devices), str(PF), [str(host.address)])
        if case.asked:
            assert is_too_small(host, tmp_path / "root") is not case.free
        error = outcome(lambda: set_vf(host.node, host.address, VfSettings(trust=True)))
    assert said == dict.fromkeys(said, case.expected)
    # The last look sees the kernel's signals only, and no process.
    closed = KERNEL[case.kernel][1] is Availability.FREE or case.kernel == "group open"
    assert (doubt == "") is closed
    # libvirt is not asked for a setting: what its guests have, the kernel shows.
    assert (error is None) is replace(case, libvirt="absent").free


def is_too_small(host: OneVf, root: Path) -> bool:
    """Tell whether the doctor says that the pool has no VF for a domain that wants one."""
    with host.node.libvirt() as libvirt:
        # libvirt's test driver shows no active network's definition.
        Networks(libvirt).destroy("fast")
    question = Question("test", pool="fast", xml=DOMAIN.format("other", WANTS).encode())
    return any(one.code is Code.POOL_TOO_SMALL for one in diagnose(host.node, question, root))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_only_a_free_vf_is_taken(case: Case, tmp_path: Path) -> None:
    named = vmi("stranger", [{"name": "a", "address": "0000:01:10.0"}])
    pooled = vmi("stranger", [{"name": "a", "pool": "fast"}])
    refusals: dict[str, PortsideError | None] = {}
    with one_vf(tmp_path, case) as host:
        node = host.node
        if case.asked:
            with node.libvirt() as libvirt:
                refusals["attach"] = outcome(lambda: plan(host, libvirt))
                view = look_at(node, PF, libvirt)
            assert (find_holders(view) == ()) is (case.without_promise(hung=False).free)
        agent = Preparer(node, lambda: ask_guests(node))
        refusals["an entry of a pool"] = outcome(lambda: agent.prepare(pooled))
        refusals["an entry with an address"] = outcome(lambda: agent.prepare(named))
    taken = {name: error is None for name, error in refusals.items()}
    assert taken == dict.fromkeys(refusals, case.free)
    kinds = {type(error) for error in refusals.values() if error is not None}
    assert kinds <= {HostError if case.hung else CapacityError}


@pytest.mark.parametrize("case", LEASED, ids=str)
def test_a_lease_is_cleared_only_if_nothing_but_itself_stands_against_it(
    case: Case, tmp_path: Path
) -> None:
    alone = replace(
        case, lease="none", libvirt="nobody" if case.libvirt == "configured" else case.libvirt
    )
    with one_vf(tmp_path, case) as host:
        error = outcome(lambda: clear_lease(host.node, host.address, stale=True))
    # The lease is a VMI's, of which no signal tells that it is about to start.
    assert (error is None) is (case.lease == "cut short" and alone.free)
