# SPDX-License-Identifier: Apache-2.0
"""What holds for every domain and every request."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from sidecar.domainxml.addressing.buses import Place
from sidecar.domainxml.addressing.inventory import Device
from sidecar.domainxml.addressing.layout import Layout, count_ports
from sidecar.domainxml.mutate import Mutation, mutate
from sidecar.domainxml.reservation.placeholders import find_foreign, is_ours, is_placeholder
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import CapacityError, RequestError
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.model.request import Request
from tests.property.sprinkle import missing_in, sprinkled
from tests.property.strategies import requests, vmi_of
from tests.property.vms import Vm, layout_of, vms

MANY = settings(
    max_examples=300,
    deadline=timedelta(seconds=4),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SOURCES = [Planner(), Planner(by_launcher=True)]
SOURCE_IDS = ["planner", "launcher"]


OURS = ("ua-sriov-portside-", "ua-portside-")


def call(vm: Vm, source: Planner, *, pools: bool = False) -> Mutation | None:
    """Call the engine; None is a refusal, everything unexpected escapes."""
    try:
        return mutate(vm.domain, vm.request, source, pool_networks=pools)
    except (RequestError, CapacityError):
        return None


def alias_of(element: etree._Element) -> str:
    alias = element.find("alias")
    return "" if alias is None else alias.get("name", "")


def places(layout: Layout) -> dict[str, Place]:
    """Places by what tells one device from another, without the VFs that we add."""
    found: dict[str, Place] = {}
    count: Counter[str] = Counter()
    for owner, place in layout.places.items():
        if not isinstance(owner, Device):
            continue
        name = "" if owner.element is None else alias_of(owner.element)
        if name.startswith(OURS):
            continue
        key = f"{owner.kind} {owner.index} {name}"
        count[key] += 1
        found[f"{key} #{count[key]}"] = place
    return found


@pytest.mark.parametrize("source", SOURCES, ids=SOURCE_IDS)
def test_mutating_twice_changes_nothing_more(source: Planner) -> None:
    seen: Counter[bool] = Counter()

    @MANY
    # A launcher without pool networks refuses what asks for an interface.
    @given(vms(), st.sampled_from((True, True, True, False)))
    def run(vm: Vm, pools: bool) -> None:
        once = call(vm, source, pools=pools)
        seen[once is not None] += 1
        if once is not None:
            twice = call(Vm(vm.request, once.domain), source, pools=pools)
            assert twice is not None
            assert twice.domain == once.domain

    run()
    assert seen[True] > 0.5 * seen.total()


@pytest.mark.parametrize("source", SOURCES, ids=SOURCE_IDS)
def test_what_boots_has_the_ports_and_nobody_moved(source: Planner) -> None:
    seen: Counter[bool] = Counter()

    @MANY
    @given(vms())
    def run(vm: Vm) -> None:
        # A launcher with pool networks takes every kind of VF.
        done = call(vm, source, pools=True)
        boots = done is not None and "later call" not in "".join(done.notes)
        seen[boots] += 1
        if done is None or not boots or vm.request.asks_nothing:
            return
        after = layout_of(done.domain)
        assert count_ports(after).free >= vm.request.free_ports
        assert count_ports(after) == done.after
        assert places(after) == places(layout_of(vm.domain))
        tree = etree.fromstring(done.domain)
        assert not [one for one in tree.iter("interface") if is_ours(one)]
        assert done.before is not None
        grew = count_ports(after).total > done.before.total
        if vm.request.max_ports is not None and grew and after.inventory.express:
            assert count_ports(after).total <= vm.request.max_ports

    run()
    assert seen[True] > 0.3 * seen.total()


@MANY
@given(vms(("q35", "virt")))
def test_a_first_call_reserves_the_same_as_the_calls_after_it(vm: Vm) -> None:
    """KubeVirt takes placeholders and added interfaces away; at last the ports have to be there."""
    first = call(vm, Planner(), pools=True)
    if first is None or vm.request.asks_nothing:
        return
    tree = etree.fromstring(first.domain)
    for interface in list(tree.iter("interface")):
        parent = interface.getparent()
        if parent is not None and (
            is_placeholder(interface) or alias_of(interface).startswith(OURS)
        ):
            parent.remove(interface)
    assert not find_foreign(tree)
    request = replace(vm.request, topology_version=None)
    last = call(Vm(request, etree.tostring(tree)), Planner(), pools=True)
    assert last is not None
    assert count_ports(layout_of(last.domain)).free >= request.free_ports


@MANY
@given(vms(), st.data())
def test_what_we_do_not_know_stays(vm: Vm, data: st.DataObject) -> None:
    domain = data.draw(sprinkled(vm.domain))
    done = call(Vm(vm.request, domain), Planner())
    # What nobody knows changes no decision.
    assert (done is None) == (call(vm, Planner()) is None)
    if done is not None:
        assert missing_in(done.domain, domain) is None


@MANY
@given(requests(), st.binary())
def test_a_vm_that_asks_for_nothing_gets_its_bytes(request_: Request, domain: bytes) -> None:
    quiet = Request(
        vmi=request_.vmi,
        networks=request_.networks,
        topology_version=request_.topology_version,
    )
    assert define_domain(vmi_of(quiet), domain, Settings()).mutation == Mutation(domain)
    assert define_domain(b'{"spec": {}}', domain, Settings()).mutation.domain == domain
