# SPDX-License-Identifier: Apache-2.0
"""Whole boots of KubeVirt 1.9 with the engine as the hook, on real libvirts.

What boots has the ports that were asked for, every device sits where it sits without us, and
the team and the VF are in the last call's answer, for that is what reaches libvirt.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from sidecar.demo.launcher import Call, Guest, boot
from sidecar.domainxml.kubevirt import replay
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.reservation.skeleton import DefinedSource
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.hook.define_domain import Settings, define_domain
from tests.oracle.definable import define
from tests.oracle.oracle import Oracle
from tests.oracle.readback import ReadBack, read_back
from tests.support import RECORDINGS

CASES = sorted(path.name for path in RECORDINGS.iterdir())
# KubeVirt plugs no NIC into a root port of these two.
PLUGGED = [name for name in CASES if name not in {"root3", "trans"}]
TEAMS = {"sriov": '{"vf": "standby"}', "telco": '{"vf1": "stand"}'}
VF = '[{"name": "extra", "address": "0000:65:00.3"}]'
OUR_VF = "hostdev pci ua-sriov-portside-extra #1"


def definer(oracle: Oracle) -> Callable[[bytes], bytes]:
    return lambda xml: define(oracle, xml)


def hook_of(source: ControllerSource) -> Callable[[bytes, bytes], bytes]:
    settings = Settings(source=source)

    def hook(vmi: bytes, domain: bytes) -> bytes:
        answer = define_domain(vmi, domain, settings).mutation.domain
        assert define_domain(vmi, answer, settings).mutation.domain == answer, "not idempotent"
        return answer

    return hook


def first_domain(case: Path) -> bytes:
    return replay.drop_placeholders((case / "pass1-to-hook.xml").read_bytes())


def asking(case: Path, **annotations: str) -> bytes:
    vmi = json.loads((case / "pass1-vmi.json").read_bytes())
    vmi["metadata"]["annotations"] |= {f"portside.io/{k}": v for k, v in annotations.items()}
    return json.dumps(vmi).encode()


@cache
def without_us(oracle: Oracle, name: str) -> ReadBack:
    case = RECORDINGS / name
    calls = boot(asking(case), first_domain(case), lambda _vmi, xml: xml, definer(oracle))
    return read_back(calls[-1].defined.decode())


def free_wanted(vmi: bytes, total: int) -> int:
    return max(0, total - len(json.loads(vmi)["spec"]["domain"]["devices"]["interfaces"]))


def check_last_call(call: Call, *, team: bool) -> None:
    assert b"placeholder" not in call.answered
    tree = etree.fromstring(call.answered)
    assert len(tree.findall("devices/hostdev/alias[@name='ua-sriov-portside-extra']")) == 1
    teams = [node.get("type") for node in tree.iterfind("devices/*/teaming")]
    assert sorted(str(one) for one in teams) == (["persistent", "transient"] if team else [])


@pytest.mark.parametrize("total", [0, 1, 5, 8, 20, 32])
@pytest.mark.parametrize("name", PLUGGED)
@pytest.mark.parametrize("kind", ["planner", "launcher", "libvirt"])
def test_boots_with_what_it_asked(
    oracles: tuple[Oracle, ...], kind: str, name: str, total: int
) -> None:
    case = RECORDINGS / name
    team = TEAMS.get(name)
    wants = {"interfaces": str(total), "vfs": VF} | ({"teaming": team} if team else {})
    vmi = asking(case, **wants)
    for oracle in oracles:
        sources: dict[str, ControllerSource] = {
            "planner": Planner(),
            "launcher": Planner(by_launcher=True),
            "libvirt": DefinedSource(definer(oracle)),
        }
        calls = boot(vmi, first_domain(case), hook_of(sources[kind]), definer(oracle))
        booted = read_back(calls[-1].defined.decode())
        base = without_us(oracle, name)
        free = booted.free
        assert free >= free_wanted(vmi, total)
        assert booted.devices.pop(OUR_VF)
        assert booted.devices == base.devices, "a device moved"
        check_last_call(calls[-1], team=team is not None)
        # KubeVirt appends its own extra ports to whatever the second call reserved.
        extra = Guest.read(vmi).extra_ports(first_domain(case))
        # From placeholders libvirt makes a spare port besides.
        spare = 1 if kind == "launcher" else 0
        assert free <= max(free_wanted(vmi, total) + extra, base.free) + spare
