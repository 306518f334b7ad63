# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.agent.prepare import Preparer
from sidecar.agent.release import give_back
from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.lease import LeaseState
from sidecar.model.pci import PciAddress
from sidecar.model.settings import PortVlan
from tests.fakes.host import PFS, Host, vmi

PF = PciAddress.parse(PFS[0].address)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """Return a host whose VF 1 is leased to the VMI ``one``, with a VLAN."""
    host = Host(tmp_path)
    entry = {"name": "a", "address": host.vf(1), "vlan": {"id": 100}}
    Preparer(host.node, None).prepare(vmi("one", [entry]))
    return host


def test_the_lease_is_returned_and_the_vlan_taken_off(host: Host) -> None:
    assert give_back(host.node, vmi("one")).returned == ("0000:01:00.0 VF 1",)
    assert host.lease(1).free
    assert host.links.settings["eth1", 1].vlan == PortVlan(0)


def test_repeated_it_does_nothing(host: Host) -> None:
    give_back(host.node, vmi("one"))
    lease, calls = host.lease(1), host.links.calls
    assert give_back(host.node, vmi("one")).returned == ()
    assert (host.lease(1), host.links.calls) == (lease, calls)


def test_a_late_call_leaves_the_next_holder_alone(host: Host) -> None:
    give_back(host.node, vmi("one"))
    entry = {"name": "a", "address": host.vf(1)}
    Preparer(host.node, None).prepare(vmi("one", [entry], uid="next"))
    give_back(host.node, vmi("one"))
    holder = host.lease(1).holder
    assert holder is not None
    assert holder.uid == "next"


def test_annotations_that_are_wrong_by_now_do_not_matter(host: Host) -> None:
    document = json.loads(vmi("one"))
    document["metadata"]["annotations"] = {"portside.io/vfs": "not JSON"}
    give_back(host.node, json.dumps(document).encode())
    assert host.lease(1).free


def test_a_vf_that_is_still_open_is_kept_until_it_is_closed(host: Host) -> None:
    host.open(1)
    with pytest.raises(CapacityError, match="still open"):
        give_back(host.node, vmi("one"))
    assert host.lease(1).state is LeaseState.INSPECT
    assert "its VM has stopped" in host.lease(1).reason
    assert host.links.settings["eth1", 1].vlan == PortVlan(100)
    host.open(1, count=0)
    give_back(host.node, vmi("one"))
    assert host.lease(1).free
    assert host.links.settings["eth1", 1].vlan == PortVlan(0)


def test_a_vlan_that_stays_keeps_the_vf_from_the_next(host: Host) -> None:
    host.links.refused = {1}
    with pytest.raises(HostError, match="the driver refuses it"):
        give_back(host.node, vmi("one"))
    assert host.lease(1).state is LeaseState.INSPECT
    host.links.refused = set()
    give_back(host.node, vmi("one"))
    assert host.lease(1).free


def test_one_that_stays_does_not_keep_the_others(host: Host) -> None:
    entries = [{"name": f"b{pf}", "address": host.vf(2, pf)} for pf in (0, 1)]
    Preparer(host.node, None).prepare(vmi("two", entries))
    host.open(2)
    with pytest.raises(CapacityError):
        give_back(host.node, vmi("two"))
    assert host.lease(2).state is LeaseState.INSPECT
    assert host.lease(2, pf=1).free


def test_a_pf_in_quarantine_is_not_touched_and_the_vm_may_go(host: Host) -> None:
    with host.store.lock(PF) as held:
        held.write_record(replace(held.record(), quarantine="a write hangs"))
    calls = host.links.calls
    assert give_back(host.node, vmi("one")).marked == ("0000:01:00.0 VF 1",)
    assert host.lease(1).state is LeaseState.INSPECT
    assert host.links.calls == calls


def test_a_vf_that_is_gone_is_returned(host: Host) -> None:
    host.tree.remove_vf(PFS[0], 1)
    calls = host.links.calls
    give_back(host.node, vmi("one"))
    assert host.lease(1).free
    assert host.links.calls == calls


def test_a_vmi_without_uid_is_refused(host: Host) -> None:
    with pytest.raises(RequestError, match="uid"):
        give_back(host.node, b'{"metadata": {"name": "one"}}')
    assert not host.lease(1).free
