# SPDX-License-Identifier: Apache-2.0
"""Every combination of signals of one VF, through all that tell whether it may be taken.

A host of real files, libvirt's own test driver and real records; what the combination comes to
is said by a table of its own here.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from sidecar.cli.lease_view import describe_lease, describe_leases
from sidecar.cli.pool_data import describe_status
from sidecar.cli.vf_data import describe_host
from sidecar.doctor.finding import Code
from sidecar.domainxml.profile import read_profile
from sidecar.errors import CapacityError, HostError, PortsideError
from sidecar.host.pciids import PciNames
from sidecar.host.sysfs import Sysfs
from sidecar.host.writer import find_doubt
from sidecar.model.availability import Availability
from sidecar.model.lease import Holder, HolderKind
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.model.settings import VfSettings
from sidecar.node.agent.census import Census
from sidecar.node.agent.look import look
from sidecar.node.agent.prepare import Preparer
from sidecar.node.attach_plan import AttachRequest, AttachSight, PoolNetwork, plan_attach
from sidecar.node.doctor import Question, diagnose
from sidecar.node.leases import clear_lease, list_leases, show_lease
from sidecar.node.observe import ask_guests, look_at, observe_host
from sidecar.node.scope import Scope
from sidecar.node.set_vf import set_vf
from sidecar.node.status import read_status
from sidecar.pool.guard import find_holders
from sidecar.virt.connection import Libvirt, open_libvirt
from sidecar.virt.devices import need_domain
from sidecar.virt.networks import Networks
from tests.fakes.host import Host, no_libvirt, vmi
from tests.fakes.sriov import UP, FakeInterface, FakePf, FakeVf, make_procfs

pytest.importorskip("libvirt", reason="needs libvirt-python")

PF = PciAddress.parse("0000:01:00.0")
OURS = Holder(HolderKind.VMI, "default/holder", "uid-of-holder")
NETWORK = b"""\
<network><name>fast</name><forward mode='hostdev' managed='yes'><pf dev='eth1'/></forward></network>
"""
DOMAIN = """\
<domain type='test'><name>{0}</name><memory unit='MiB'>64</memory><os><type>hvm</type></os>
<devices>{1}</devices></domain>"""
VF = """\
<hostdev mode='subsystem' type='pci' managed='yes'><source>
<address domain='0' bus='1' slot='16' function='0'/></source></hostdev>"""

WANTS = "<interface type='network'><source network='fast'/><model type='virtio'/></interface>"

KERNEL: Mapping[str, tuple[FakeVf, Availability]] = {
    "closed": (FakeVf("vfio-pci", group=21), Availability.FREE),
    "open": (FakeVf("vfio-pci", group=21, enable=1), Availability.IN_USE),
    "group open": (FakeVf("vfio-pci", group=22), Availability.IN_USE),
    "unreadable": (FakeVf("vfio-pci", group=21), Availability.UNKNOWN),
    "down": (FakeVf(interfaces=[FakeInterface("eth1v0")], group=21), Availability.FREE),
    "up": (FakeVf(interfaces=[FakeInterface("eth1v0", UP)], group=21), Availability.IN_USE),
    "elsewhere": (FakeVf("igbvf", group=21), Availability.IN_USE),
}
LIBVIRT = ("nobody", "running", "configured", "silent", "absent")
LEASES = ("none", "leased", "cut short")


@dataclass(frozen=True, slots=True)
class Case:
    """A combination of signals."""

    kernel: str
    libvirt: str
    lease: str
    hung: bool

    def __str__(self) -> str:
        hung = ", hung" if self.hung else ""
        return f"{self.kernel}, {self.libvirt}, {self.lease}{hung}"

    @property
    def expected(self) -> Availability:
        """What it comes to."""
        kernel = KERNEL[self.kernel][1]
        rules = (
            (self.hung, Availability.QUARANTINED),
            (self.lease == "cut short", Availability.INSPECT),
            (kernel is Availability.IN_USE or self.libvirt == "running", Availability.IN_USE),
            (self.lease == "leased", Availability.LEASED),
            (
                kernel is Availability.UNKNOWN or self.libvirt == "silent",
                Availability.UNKNOWN,
            ),
            (self.libvirt == "configured", Availability.PROMISED),
        )
        return next((state for holds, state in rules if holds), Availability.FREE)

    @property
    def free(self) -> bool:
        return self.expected is Availability.FREE

    @property
    def asked(self) -> bool:
        """Whether libvirt answers."""
        return self.libvirt not in {"silent", "absent"}

    def without_promise(self, *, hung: bool) -> "Case":
        """Return the same with no configuration that names the VF."""
        libvirt = "nobody" if self.libvirt == "configured" else self.libvirt
        return replace(self, libvirt=libvirt, hung=hung)


# That a lease is cleared shows nothing of a VF without one.
LEASED = [Case(*one) for one in product(KERNEL, LIBVIRT, LEASES[1:], (False, True))]
CASES = [Case(*one) for one in product(KERNEL, LIBVIRT, LEASES, (False, True))]


class OneVf(Host):
    """A host with one VF on one PF, and a pool of it that is active."""

    def __init__(self, folder: Path, case: Case, libvirt: Libvirt) -> None:
        card = FakePf(
            interfaces=[FakeInterface("eth1", UP, "up")], vfs=[KERNEL[case.kernel][0]], group=20
        )
        super().__init__(folder, [card])
        if case.kernel == "unreadable":
            (self.tree.function(self.vf(0)) / "enable").unlink()
        proc = make_procfs(folder / "processes", {7: ("qemu", ["/dev/vfio/22"])})
        self.node = replace(
            self.node,
            proc=proc,
            sysfs=Sysfs(folder / "sys", addressed=frozenset()),
            libvirt=_opens(case, libvirt),
            has_libvirt=case.libvirt != "absent",
        )
        self.store.write_pool(PoolRecord(PoolDefinition("fast", "eth1"), PF))
        with self.store.lock(PF) as held:
            if case.lease != "none":
                taken = held.take(0, OURS, VfSettings(), "", self.node.now())
                if case.lease == "leased":
                    held.confirm(taken, self.node.now())
                else:
                    held.mark(0, "taking it was cut short", self.node.now())
            if case.hung:
                held.write_record(replace(held.record(), quarantine="a write hung"))

    @property
    def address(self) -> PciAddress:
        return PciAddress.parse(self.vf(0))


def _opens(case: Case, libvirt: Libvirt) -> Callable[[], AbstractContextManager[Libvirt]]:
    return (lambda: nullcontext(libvirt)) if case.asked else no_libvirt


@contextmanager
def one_vf(folder: Path, case: Case) -> Iterator[OneVf]:
    (folder / "node.xml").write_text("<node/>")
    with open_libvirt(f"test://{folder}/node.xml") as libvirt:
        networks = Networks(libvirt)
        networks.define(NETWORK)
        networks.start("fast")
        libvirt.connection.defineXML(DOMAIN.format("buyer", ""))
        if case.libvirt in {"running", "configured"}:
            libvirt.connection.defineXML(DOMAIN.format("owner", VF))
        if case.libvirt == "running":
            libvirt.connection.lookupByName("owner").create()
        yield OneVf(folder, case, libvirt)


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
