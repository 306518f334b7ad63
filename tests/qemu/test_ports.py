# SPDX-License-Identifier: Apache-2.0
"""The promise, kept by a running QEMU: what was requested can be plugged."""

import json
from pathlib import Path

import pytest
from lxml import etree

from sidecar.demo.cases import CaseName, load_case
from sidecar.demo.hook import RunningHook
from sidecar.demo.launcher import boot
from sidecar.demo.plug import fill, running
from sidecar.demo.trial import unchanged
from sidecar.virt.connection import Libvirt, RunningDomain

NO_PORT = "internal error: No more available PCI slots"
V3 = "kubevirt.io/pci-topology-version"
KUBEVIRTS_OWN = {"nic1": 4, "nic4": 4, "bigmem": 9, "teamed": 4}
"""NICs that plug without us: KubeVirt 1.9's reservation, and libvirt's spare."""


def nics_in_qemu(guest: RunningDomain) -> int:
    """Count NICs by QEMU's own account of its devices."""
    tree = guest.monitor("info qtree").splitlines()
    return sum("dev: virtio-net-pci" in line for line in tree)


def addresses(xml: bytes) -> dict[str, str]:
    """Where each device that the VM defines sits, by what identifies it."""
    places = {}
    for device in etree.fromstring(xml).iterfind("devices/*"):
        address = device.find("address[@type='pci']")
        if address is None or device.get("model") == "pcie-root-port":
            continue
        mac, target = device.find("mac"), device.find("target")
        name = [str(device.tag), device.get("type", ""), device.get("index", "")]
        name += [
            node.get("address", node.get("dev", "")) for node in (mac, target) if node is not None
        ]
        places[" ".join(name)] = str(sorted(address.attrib.items()))
    return places


def teaming(xml: bytes) -> dict[str, dict[str, str]]:
    """Read ``<teaming>`` by the alias of its device."""
    teams = {}
    for device in etree.fromstring(xml).iterfind("devices/*[teaming]"):
        alias, node = device.find("alias"), device.find("teaming")
        assert alias is not None
        assert node is not None
        teams[alias.get("name", "")] = {str(key): str(value) for key, value in node.items()}
    return teams


@pytest.mark.parametrize("requested", [0, 1, 5, 32])
@pytest.mark.parametrize("name", list(CaseName))
def test_what_was_requested_plugs(
    name: CaseName, requested: int, libvirt: Libvirt, hook: RunningHook, folder: Path
) -> None:
    case = load_case(name)
    calls = boot(
        case.asking_for(requested), case.domain, hook.on_define_domain, libvirt.define_and_dump
    )
    alone = boot(case.vmi, case.domain, unchanged, libvirt.define_and_dump)
    assert addresses(calls[-1].defined) == addresses(alone[-1].defined)
    assert len(addresses(calls[-1].defined)) > 5
    with running(libvirt, calls[-1].defined, folder) as guest:
        before = nics_in_qemu(guest)
        attached, refusal = fill(guest)
        assert nics_in_qemu(guest) == before + attached
    needed = max(requested - case.defined, KUBEVIRTS_OWN[name])
    assert attached == needed
    assert refusal == NO_PORT


@pytest.mark.parametrize("requested", [1, 5, 32])
def test_what_was_requested_plugs_with_an_older_kubevirt(
    requested: int, libvirt: Libvirt, hook: RunningHook, folder: Path
) -> None:
    case = load_case(CaseName.NIC4)
    vmi = json.loads(case.asking_for(requested))
    # KubeVirt up to 1.5 knows no topology version, and calls once for a VM of four NICs.
    del vmi["metadata"]["annotations"][V3]
    defined = libvirt.define_and_dump(hook.on_define_domain(json.dumps(vmi).encode(), case.domain))
    with running(libvirt, defined, folder) as guest:
        attached, refusal = fill(guest)
    needed = max(0, requested - case.defined)
    # libvirt keeps a spare of its own where nobody reserved.
    assert needed <= attached <= needed + 1
    assert refusal == NO_PORT


def test_a_team_starts_with_ports_to_spare(
    libvirt: Libvirt, hook: RunningHook, folder: Path
) -> None:
    case = load_case(CaseName.TEAMED)
    calls = boot(case.asking_for(8), case.domain, hook.on_define_domain, libvirt.define_and_dump)
    teams = teaming(calls[-1].defined)
    assert teams == {
        "ua-standby": {"type": "persistent"},
        "ua-sriov-vf": {"type": "transient", "persistent": "ua-standby"},
    }
    with running(libvirt, calls[-1].defined, folder) as guest:
        tree = guest.monitor("info qtree")
        attached, refusal = fill(guest)
    # The PCI device, and the network device on the bus that it brings.
    standby = tree.partition('id "ua-standby"')[2].split("dev: ")[:2]
    assert "failover = true" in "".join(standby)
    # Five are needed; KubeVirt appends two of its own to ours, after call 2.
    assert 5 <= attached <= 5 + 2
    assert refusal == NO_PORT


def test_no_call_of_a_team_forgets_it(libvirt: Libvirt, hook: RunningHook) -> None:
    """KubeVirt forgets ``<teaming>`` between two calls."""
    case = load_case(CaseName.TEAMED)
    calls = boot(case.asking_for(8), case.domain, hook.on_define_domain, libvirt.define_and_dump)
    assert len(calls) == 3
    for call in calls:
        assert b"<teaming" not in call.sent
        assert call.answered.count(b"<teaming") == 2
        assert call.defined.count(b"<teaming") == 2
