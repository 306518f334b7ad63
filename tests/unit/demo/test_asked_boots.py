# SPDX-License-Identifier: Apache-2.0
"""Recorded boots with an ask: what KubeVirt sent follows from what we answer.

``tests/data/kubevirt-1.9-asked`` has what virt-launcher sent in boots of VMs with
``portside.io/interfaces: "12"`` while this project's hook answered.
"""

from pathlib import Path

import pytest
from lxml import etree

from sidecar.demo.launcher import boot
from sidecar.domainxml.addressing.inventory import Device, take_inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports, lay_out
from sidecar.domainxml.addressing.machine import read_machine
from sidecar.domainxml.demand import read_demand
from sidecar.errors import RequestError
from sidecar.hook.define_domain import Settings, define_domain
from sidecar.vmi.request import parse_request
from tests.support import ASKED, RECORDINGS
from tests.unit.demo.test_replay import canonical, initial, recorded_libvirt

KINDS = sorted(path.name for path in ASKED.iterdir())
REFUSED = {"root3"}
"""Kinds that the hook of that time answered, and that are refused in call 1 by now."""
KEPT = [name for name in KINDS if name not in REFUSED]


def answer(vmi: bytes, domain: bytes) -> bytes:
    return define_domain(vmi, domain, Settings()).mutation.domain


def calls_of(kind: str) -> list[Path]:
    return sorted((ASKED / kind).glob("pass*-to-hook.xml"))


def layout_of(domain: bytes) -> Layout:
    return lay_out(take_inventory(etree.fromstring(domain)))


def places(layout: Layout) -> dict[str, str]:
    """Where the domain's own devices sit, by kind and number within it."""
    found: dict[str, str] = {}
    for owner, place in layout.places.items():
        if isinstance(owner, Device):
            found[f"{owner.kind} {sum(name.startswith(owner.kind) for name in found)}"] = str(place)
    return found


def test_every_kind_was_recorded_twice() -> None:
    assert set(KINDS) < {path.name for path in RECORDINGS.iterdir()}
    assert len(KINDS) == 12


# The hook of that time added root ports to a VM of virtio-transitional devices, to no use.
@pytest.mark.parametrize("kind", [kind for kind in KEPT if kind != "trans"])
def test_what_kubevirt_sends_next_follows_from_our_answer(kind: str) -> None:
    folder = ASKED / kind
    vmi = (folder / "vmi.json").read_bytes()
    calls = boot(vmi, initial(folder), answer, recorded_libvirt(folder))
    assert len(calls) == len(calls_of(kind))
    for call, path in zip(calls, calls_of(kind), strict=True):
        assert canonical(call.sent) == canonical(path.read_bytes()), path


@pytest.mark.parametrize("kind", KEPT)
def test_every_recorded_call_keeps_the_promise(kind: str) -> None:
    vmi = (ASKED / kind / "vmi.json").read_bytes()
    request = parse_request(vmi)
    for path in calls_of(kind):
        sent = path.read_bytes()
        done = define_domain(vmi, sent, Settings()).mutation
        before, after = layout_of(sent), layout_of(done.domain)
        assert places(before) == places(after), "a device moved"
        assert answer(vmi, done.domain) == done.domain, "not idempotent"
        assert done.after == count_ports(after)
    tree = etree.fromstring(done.domain)
    assert done.after is not None
    assert done.after.free >= read_demand(tree, read_machine(tree), request).ports
    assert b"placeholder" not in done.domain
    assert done.domain.count(b"<teaming") == (2 if kind == "telco" else 0)


@pytest.mark.parametrize("kind", sorted(REFUSED))
def test_what_cannot_be_kept_is_refused_in_the_first_call(kind: str) -> None:
    vmi = (ASKED / kind / "vmi.json").read_bytes()
    with pytest.raises(RequestError, match="placePCIDevicesOnRootComplex"):
        answer(vmi, calls_of(kind)[0].read_bytes())
