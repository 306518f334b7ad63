# SPDX-License-Identifier: Apache-2.0
"""Whole calls, chosen for their meaning: ``<case>/{vmi.json,before.xml}`` in, ``after.xml`` out.

A refused call has ``error.txt`` instead of ``after.xml``. ``options.json`` has what the
administrator chose, if anything: ``pool_networks``, ``source``.
"""

import json
from pathlib import Path

import pytest
from lxml import etree

from sidecar.domainxml.addressing.inventory import take_inventory
from sidecar.domainxml.addressing.layout import Layout, count_ports, lay_out
from sidecar.domainxml.addressing.machine import read_machine
from sidecar.domainxml.demand import read_demand
from sidecar.domainxml.reservation.placeholders import is_ours
from sidecar.domainxml.reservation.planner import Planner
from sidecar.errors import PortsideError
from sidecar.hook.define_domain import Outcome, Settings, define_domain
from sidecar.model.ports import MachineFamily
from sidecar.model.request import AttachAs

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/vmi.json"))


def settings_of(case: Path) -> Settings:
    path = case / "options.json"
    options = json.loads(path.read_text()) if path.exists() else {}
    return Settings(
        source=Planner(by_launcher=options.get("source") == "launcher"),
        pool_networks=options.get("pool_networks", False),
    )


def call(case: Path, domain: bytes) -> Outcome:
    return define_domain((case / "vmi.json").read_bytes(), domain, settings_of(case))


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str, request: pytest.FixtureRequest) -> None:
    case = HERE / name
    before = (case / "before.xml").read_bytes()
    result, other = case / "after.xml", case / "error.txt"
    try:
        outcome = call(case, before)
    except PortsideError as error:
        result, other = other, result
        text = f"{type(error).__name__}: {error}\n".encode()
    else:
        check(case, before, outcome)
        text = outcome.mutation.domain
    if request.config.getoption("regenerate_golden", default=False):
        result.write_bytes(text)
        other.unlink(missing_ok=True)
    assert not other.exists(), text.decode()
    assert text.decode() == result.read_text()


def layout_of(domain: bytes) -> Layout:
    return lay_out(take_inventory(etree.fromstring(domain)))


def addresses(domain: bytes) -> list[str]:
    """Where every device is that has its address already; KubeVirt's placeholders too."""
    return [
        f"{node.getparent().tag} {sorted(node.attrib.items())}"  # type: ignore[union-attr] # has one
        for node in etree.fromstring(domain).iterfind("devices/*/address[@type='pci']")
    ]


def check(case: Path, before: bytes, outcome: Outcome) -> None:
    """What regenerating must not bless."""
    request, after = outcome.request, outcome.mutation.domain
    assert call(case, after).mutation.domain == after, "not idempotent"
    if request.asks_nothing:
        assert after.replace(b" mode='subsystem'", b"") == before
        return
    gone = [one for one in addresses(before) if one not in addresses(after)]
    assert not gone, "a device lost its address"
    tree = etree.fromstring(after)
    ours = [one for one in tree.iter("interface") if is_ours(one)]
    later = "later call" in "".join(outcome.mutation.notes)
    assert later or not ours, "a placeholder would boot"
    if read_machine(tree).family is not MachineFamily.CCW:
        count = count_ports(layout_of(after))
        assert count == outcome.mutation.after
        assert later or count.free >= read_demand(tree, read_machine(tree), request).ports
    for entry in request.vfs:
        hostdev = entry.kind is AttachAs.HOSTDEV
        name = f"ua-sriov-portside-{entry.name}" if hostdev else f"ua-portside-{entry.name}"
        tags = [one.getparent().tag for one in tree.findall(f"devices/*/alias[@name='{name}']")]  # type: ignore[union-attr] # has one
        assert tags == ["hostdev" if hostdev else "interface"]
    for pair in request.pairs:
        teaming = tree.findall(f"devices/*/teaming[@persistent='ua-{pair.persistent}']")
        partner = tree.findall(f"devices/*/alias[@name='ua-{pair.persistent}']/../teaming")
        assert [one.get("type") for one in (*teaming, *partner)] == ["transient", "persistent"]
    assert all(one.get("mode") for one in tree.iter("hostdev") if one.get("type") == "pci")
