# SPDX-License-Identifier: Apache-2.0
"""The number of root ports that the first call foretells is the number that boots."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sidecar.demo.launcher import Call, boot
from sidecar.domainxml.reservation.planner import Planner
from sidecar.domainxml.reservation.skeleton import DefinedSource
from sidecar.domainxml.reservation.source import ControllerSource
from sidecar.domainxml.startable import count_root_ports
from sidecar.errors import RequestError
from sidecar.hook.define_domain import Settings, define_domain
from tests.oracle.oracle import Oracle
from tests.oracle.test_boots import CASES, VF, asking, definer, first_domain
from tests.support import RECORDINGS

if TYPE_CHECKING:
    from collections.abc import Callable

FORETOLD = re.compile(r"found (\d+) root ports at boot")
EXPRESS = [name for name in CASES if name not in {"root3", "trans"}]


def boot_with(
    oracle: Oracle, case: Path, source: ControllerSource, wants: dict[str, str]
) -> tuple[Call, ...]:
    def hook(vmi: bytes, domain: bytes) -> bytes:
        return define_domain(vmi, domain, Settings(source=source)).mutation.domain

    return boot(asking(case, **wants), first_domain(case), hook, definer(oracle))


def foretell(first: bytes, case: Path, source: ControllerSource, wants: dict[str, str]) -> int:
    """Return the number in the refusal of a limit that no VM keeps."""
    vmi = asking(case, **wants, **{"max-ports": "1"})
    with pytest.raises(RequestError) as caught:
        define_domain(vmi, first, Settings(source=source))
    found = FORETOLD.search(str(caught.value))
    assert found, caught.value
    return int(found[1])


@pytest.mark.parametrize(
    "wants",
    [
        {},
        {"interfaces": "12"},
        {"interfaces": "32"},
        {"interfaces": "8", "vfs": VF},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", EXPRESS)
@pytest.mark.parametrize("kind", ["planner", "launcher", "libvirt"])
def test_the_first_call_foretells_the_ports(
    machine: Oracle, kind: str, name: str, wants: dict[str, str]
) -> None:
    case = RECORDINGS / name
    sources: dict[str, Callable[[], ControllerSource]] = {
        "planner": Planner,
        "launcher": lambda: Planner(by_launcher=True),
        "libvirt": lambda: DefinedSource(definer(machine)),
    }
    source = sources[kind]()
    calls = boot_with(machine, case, source, wants)
    ports = count_root_ports(calls[-1].defined)
    assert foretell(calls[0].sent, case, source, wants) == ports
    # A limit that is kept is no reason to refuse in any call, nor changes anything.
    kept = boot_with(machine, case, source, wants | {"max-ports": str(ports)})
    assert [call.answered for call in kept] == [call.answered for call in calls]


@pytest.mark.parametrize("total", ["1", "5", "32"])
def test_an_older_kubevirt_appends_nothing(machine: Oracle, total: str) -> None:
    case = RECORDINGS / "nic4"
    document = json.loads(asking(case, interfaces=total, **{"max-ports": "1"}))
    del document["metadata"]["annotations"]["kubevirt.io/pci-topology-version"]
    vmi, domain = json.dumps(document).encode(), first_domain(case)
    with pytest.raises(RequestError, match="0 that KubeVirt appends by itself") as caught:
        define_domain(vmi, domain, Settings())
    found = FORETOLD.search(str(caught.value))
    document["metadata"]["annotations"]["portside.io/max-ports"] = "99"
    answer = define_domain(json.dumps(document).encode(), domain, Settings()).mutation.domain
    assert found
    assert int(found[1]) == count_root_ports(machine.define(answer.decode()).encode())
