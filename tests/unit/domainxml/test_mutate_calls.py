# SPDX-License-Identifier: Apache-2.0
"""What decides what a call does: the state of the domain."""

import pytest
from lxml import etree

from sidecar.domainxml.addressing.machine import read_machine
from sidecar.domainxml.mutate import Mutation, mutate
from sidecar.domainxml.reservation.placeholders import is_ours, make_placeholder
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.model.pci import PciAddress
from sidecar.model.ports import MachineFamily, PortCount
from sidecar.model.request import AttachAs, DeviceTotal, Network, Request, TeamingPair, VfEntry
from tests.unit.domainxml.build import refusal
from tests.unit.domainxml.reservation.test_placeholders import KUBEVIRTS
from tests.unit.domainxml.trees import address, nic, port, written

NINE = DeviceTotal(9, 1, "annotation portside.io/interfaces")
PORTS = Request(interfaces=NINE)
V3 = Request(interfaces=NINE, topology_version="v3")
VF = VfEntry("fast", AttachAs.HOSTDEV, "$[0]", address=PciAddress(0, 0x3B, 2, 1))
LATER = ("the ports are left to a later call of this boot",)
PLACED = (port(1, address(0, 2)), nic("a", address(1)))


def call(request: Request, *devices: str, machine: str = "q35", arch: str = "x86_64") -> Mutation:
    return mutate(written(*devices, machine=machine, arch=arch), request, Planner())


@pytest.mark.parametrize(
    ("request_", "devices", "later"),
    [
        pytest.param(PORTS, (nic("a"),), False, id="old KubeVirt"),
        pytest.param(V3, (nic("a"),), True, id="v3, the first call"),
        pytest.param(V3, PLACED, False, id="v3, a later call"),
        pytest.param(V3, (*PLACED, nic("b")), False, id="v3, NICs lost their addresses"),
        pytest.param(PORTS, (nic("a"), KUBEVIRTS), True, id="KubeVirt's placeholders"),
        pytest.param(V3, (*PLACED, KUBEVIRTS), True, id="placeholders beside placed devices"),
        pytest.param(
            Request(interfaces=NINE, topology_version="v2"),
            (nic("a"),),
            True,
            id="v2, the first call",
        ),
        pytest.param(
            Request(interfaces=NINE, topology_version="v9"),
            (nic("a"),),
            False,
            id="another version",
        ),
    ],
)
def test_calls(request_: Request, devices: tuple[str, ...], later: bool) -> None:
    done = call(request_, *devices)
    assert done.notes == (LATER if later else ())
    assert done.after is not None
    assert (done.after.free >= 8) is not later
    again = mutate(done.domain, request_, Planner())
    assert (again.domain, again.notes) == (done.domain, done.notes)


def test_vfs_that_we_placed_do_not_make_it_a_later_call() -> None:
    request = Request(interfaces=NINE, vfs=(VF,), topology_version="v3")
    done = call(request, nic("a"))
    again = mutate(done.domain, request, Planner())
    assert done.notes == again.notes
    assert done.notes[-1:] == LATER
    assert again.domain == done.domain


def test_what_the_last_call_would_refuse_the_first_does() -> None:
    # The placeholder's port is locked, so taking it away frees nothing.
    request = Request(interfaces=DeviceTotal(2, 0, ""), max_ports=2)
    locked = port(1, "<target hotplug='off'/>")
    for devices in ((locked,), (locked, KUBEVIRTS)):
        error = refusal(RequestError, call, request, *devices)
        assert error.found.startswith("3 root ports")
    request = Request(interfaces=DeviceTotal(2, 0, ""), max_ports=3)
    assert call(request, locked, KUBEVIRTS).notes == LATER


def test_leftover_placeholders_go() -> None:
    ours = etree.tostring(make_placeholder(1)).decode()
    done = call(PORTS, nic("a"), ours, ours)
    assert not [one for one in etree.fromstring(done.domain).iter("interface") if is_ours(one)]
    assert done.after == call(PORTS, nic("a")).after


@pytest.mark.parametrize(
    "request_",
    [
        Request(),
        Request(topology_version="v3"),
        Request(interfaces=DeviceTotal(1, 1, "")),
        Request(interfaces=DeviceTotal(0, 3, ""), disks=DeviceTotal(0, 0, "")),
    ],
)
@pytest.mark.parametrize("domain", [b"", b"no XML", b"<domain/>\n\n", b"<?xml version='1.0'?><a/>"])
def test_nothing_asked_nothing_done(request_: Request, domain: bytes) -> None:
    assert mutate(domain, request_, Planner()) == Mutation(domain, None, None, ())


def test_a_migration_target_is_left_alone() -> None:
    request = Request(interfaces=NINE, vfs=(VF,), migration_target=True)
    domain = b"<domain>whatever</domain>"
    done = mutate(domain, request, Planner())
    assert done.domain is domain
    assert done.notes == ("the VMI migrates to this pod: nothing to do",)


def test_modes_are_given_even_for_ports_alone() -> None:
    done = call(PORTS, nic("a"), "<hostdev type='pci'/>")
    assert b'<hostdev type="pci" mode="subsystem"' in done.domain


@pytest.mark.parametrize(
    "request_", [Request(), Request(max_ports=3), Request(vfs=(VF,), migration_target=True)]
)
def test_modes_are_given_where_nothing_is_asked(request_: Request) -> None:
    domain = written(nic("a"), "<hostdev type='pci'/>")
    wanted = domain.replace(b"<hostdev ", b"<hostdev mode='subsystem' ")
    assert domain != wanted == mutate(domain, request_, Planner()).domain


def test_what_another_hook_would_undo_is_refused() -> None:
    request = Request(
        networks=(Network("a"), Network("b", binding="passt")),
        teaming=(TeamingPair("vf", "a", "$.vf"),),
    )
    error = refusal(RequestError, call, request, nic("a"))
    assert error.what == "a network binding's sidecar would undo the team"


def test_notes_of_vfs_come_with_all_others() -> None:
    done = call(Request(vfs=(VF,), topology_version="v3"), nic("a"))
    assert done.notes == (
        "a live migration takes the VFs away until the next start: fast",
        *LATER,
    )
    error = refusal(RequestError, call, Request(vfs=(VF,), eviction_strategy="LiveMigrate"))
    assert "VF fast has no team" in error.what


def test_s390x_has_nothing_to_reserve() -> None:
    done = call(PORTS, nic("a"), machine="s390-ccw-virtio", arch="s390x")
    assert done.domain == mutate(done.domain, PORTS, Planner()).domain
    assert done.before == done.after == PortCount(MachineFamily.CCW, 0, 0)
    assert done.notes == ("machine s390-ccw-virtio (s390x) has no PCI ports: nothing to reserve",)
    assert b"pcie-root-port" not in done.domain


def test_s390x_takes_vfs_all_the_same() -> None:
    done = call(Request(vfs=(VF,)), nic("a"), machine="s390-ccw-virtio", arch="s390x")
    assert b"ua-sriov-portside-fast" in done.domain
    assert b"<address type" not in done.domain


@pytest.mark.parametrize(
    ("machine", "arch", "request_"),
    [
        ("microvm", "x86_64", PORTS),
        ("microvm", "x86_64", Request(vfs=(VF,))),
        ("powernv9", "ppc64", PORTS),
    ],
)
def test_machines_without_pci(machine: str, arch: str, request_: Request) -> None:
    error = refusal(RequestError, call, request_, nic("a"), machine=machine, arch=arch)
    assert str(error) == (
        f"domain XML, <os><type machine='{machine}' arch='{arch}'>: this machine has no PCI ports "
        "that Portside knows of; expected q35, pc, virt, pseries, or an s390x machine"
    )


@pytest.mark.parametrize(
    ("machine", "arch"),
    [("pc", "x86_64"), ("pseries", "ppc64"), ("s390-ccw-virtio", "s390x"), ("microvm", "x86_64")],
)
def test_teams_need_express(machine: str, arch: str) -> None:
    request = Request(teaming=(TeamingPair("vf", "a", "$.vf"),))
    error = refusal(RequestError, call, request, nic("a"), machine=machine, arch=arch)
    assert str(error) == (
        f"$.vf: teaming needs a machine with PCIe; found machine {machine}; expected q35 or virt"
    )
    assert read_machine(etree.fromstring(written(machine=machine, arch=arch))).family != "pcie"


def test_pool_networks_are_the_administrators_choice() -> None:
    entry = VfEntry("fast", None, "$[0]", pool="blue")
    domain = written(nic("a"))
    done = mutate(domain, Request(vfs=(entry,)), Planner(), pool_networks=True)
    assert b'<source network="blue"/>' in done.domain
    refusal(CapacityError, mutate, domain, Request(vfs=(entry,)), Planner())


def test_counts_are_of_this_calls_domain() -> None:
    done = call(PORTS, *PLACED)
    assert done.before == PortCount(MachineFamily.PCIE, 1, 0)
    assert done.after == PortCount(MachineFamily.PCIE, 9, 8)


def test_nothing_is_written_before_all_is_checked() -> None:
    request = Request(interfaces=NINE, teaming=(TeamingPair("vf", "a", "$.vf"),))
    refusal(RequestError, call, request, nic("a"))
