# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.agent.prepare import Prepared, Preparer
from sidecar.errors import CapacityError, HostError, PortsideError, RequestError
from sidecar.model.lease import Holder, HolderKind, LeaseState
from sidecar.model.mac import MacAddress
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.model.settings import PortVlan, VfSettings
from sidecar.pools.observe import ask_guests
from sidecar.pools.rules.availability import NO_LIBVIRT
from tests.fakes.host import NOW, PFS, Host, vmi
from tests.fakes.sriov import make_procfs

MAC = "52:54:00:00:00:01"
PF = PciAddress.parse(PFS[0].address)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def prepare(host: Host, document: bytes) -> Prepared:
    return Preparer(host.node, lambda: NO_LIBVIRT).prepare(document)


def refused(host: Host, document: bytes, kind: type[PortsideError]) -> str:
    """Return the refusal's text; nothing may have been leased or set by it."""
    leases, settings = host.store.all_leases(), dict(host.links.settings)
    with pytest.raises(kind) as caught:
        prepare(host, document)
    assert caught.type is kind
    unchanged = [lease for lease in host.store.all_leases() if not lease.free]
    assert unchanged == [lease for lease in leases if not lease.free]
    assert host.links.settings == settings
    return str(caught.value)


def entry(host: Host, index: int, pf: int = 0, **keys: object) -> dict[str, object]:
    return {"name": f"vf{pf}{index}", "address": host.vf(index, pf), **keys}


def test_a_vmi_that_asks_nothing_touches_nothing(host: Host) -> None:
    assert prepare(host, vmi("plain")).note == "requests no VF"
    assert not host.state.exists()
    assert host.links.calls == 0


def test_a_vf_is_leased_set_and_its_pf_brought_up(host: Host) -> None:
    document = vmi("one", [entry(host, 1, mac=MAC, vlan={"id": 100})])
    assert prepare(host, document).leased == (PciAddress.parse(host.vf(1)),)
    wanted = VfSettings(mac=MacAddress(MAC), vlan=PortVlan(100))
    lease = host.lease(1)
    assert lease.state is LeaseState.LEASED
    assert lease.holder == Holder(HolderKind.VMI, "default/one", "uid-of-one")
    assert lease.settings == wanted == host.links.settings["eth1", 1]
    assert host.links.up == {"eth1"}


def test_a_vf_without_mac_gets_that_of_its_team(host: Host) -> None:
    standby = {"name": "standby", "bridge": {}, "macAddress": MAC.upper()}
    document = json.loads(vmi("one", [entry(host, 1, team="standby")]))
    document["spec"] = {"domain": {"devices": {"interfaces": [standby]}}}
    prepare(host, json.dumps(document).encode())
    assert host.lease(1).settings == VfSettings(mac=MacAddress(MAC))
    assert host.links.settings["eth1", 1].mac == MacAddress(MAC)


def test_repeated_before_the_start_it_sets_what_was_lost_and_keeps_the_lease(host: Host) -> None:
    document = vmi("one", [entry(host, 1, mac=MAC)])
    prepare(host, document)
    lease = host.lease(1)
    host.links.settings.clear()
    again = prepare(host, document)
    assert (again.leased, again.kept) == ((), (PciAddress.parse(host.vf(1)),))
    assert host.lease(1) == lease
    assert host.links.settings["eth1", 1].mac == MacAddress(MAC)


def test_repeated_while_the_vm_runs_it_touches_nothing(host: Host) -> None:
    document = vmi("one", [entry(host, 1, mac=MAC)])
    prepare(host, document)
    host.open(1)
    calls = host.links.calls
    assert prepare(host, document).kept == (PciAddress.parse(host.vf(1)),)
    assert host.links.calls == calls


def test_an_entry_that_changed_is_leased_anew(host: Host) -> None:
    prepare(host, vmi("one", [entry(host, 1, vlan={"id": 100})]))
    before = host.lease(1)
    prepare(host, vmi("one", [entry(host, 1, vlan={"id": 200})]))
    lease = host.lease(1)
    assert lease.settings.vlan == PortVlan(200)
    assert lease.generation == before.generation + 1


def test_vfs_of_two_pfs_are_leased_together(host: Host) -> None:
    prepare(host, vmi("two", [entry(host, 2, pf=1), entry(host, 0)]))
    assert host.lease(0).holder == host.lease(2, pf=1).holder is not None


def test_a_vf_that_somebody_has_open_is_refused_by_name(host: Host) -> None:
    host.open(1)
    make_procfs(host.proc, {42: ("qemu", ["/dev/vfio/11"])})
    text = refused(host, vmi("one", [entry(host, 0), entry(host, 1)]), CapacityError)
    assert "VF 1 of PF 0000:01:00.0 is in use by qemu 42" in text
    assert "$[1]" in text


def test_a_vf_that_is_leased_to_another_is_refused_by_name(host: Host) -> None:
    prepare(host, vmi("first", [entry(host, 1)]))
    text = refused(host, vmi("second", [entry(host, 1)]), CapacityError)
    assert "belongs to vmi default/first" in text


def test_a_namesake_is_another_vmi(host: Host) -> None:
    prepare(host, vmi("one", [entry(host, 1)]))
    refused(host, vmi("one", [entry(host, 1)], uid="other"), CapacityError)


def test_a_vf_whose_state_cannot_be_read_is_refused(host: Host) -> None:
    (host.tree.function(host.vf(1)) / "enable").unlink()
    assert "is not proven free" in refused(host, vmi("one", [entry(host, 1)]), CapacityError)


def test_a_libvirt_that_does_not_answer_makes_every_vf_unknown(host: Host) -> None:
    preparer = Preparer(host.node, lambda: ask_guests(host.node))
    with pytest.raises(CapacityError, match="cannot query libvirt"):
        preparer.prepare(vmi("one", [entry(host, 1)]))


def test_when_the_second_fails_the_first_is_as_it_was(host: Host) -> None:
    before = VfSettings(mac=MacAddress("52:54:00:00:00:99"), vlan=PortVlan(7))
    host.links.settings["eth1", 0] = before
    host.links.refused = {1}
    entries = [entry(host, 0, mac=MAC, vlan={"id": 5}), entry(host, 1, vlan={"id": 5})]
    with pytest.raises(HostError, match="the driver refuses it"):
        prepare(host, vmi("one", entries))
    assert host.lease(0).free
    assert host.lease(1).free
    assert host.links.settings == {("eth1", 0): before}


def break_down(host: Host) -> bytes:
    """Have VF 0 set and VF 1 refused, after which VF 0 cannot be set back."""
    host.links.refused, host.links.breaking = {1}, {0}
    document = vmi("one", [entry(host, 0, vlan={"id": 5}), entry(host, 1, vlan={"id": 5})])
    with pytest.raises(HostError, match="the driver refuses it"):
        prepare(host, document)
    return document


def test_what_cannot_be_set_back_is_left_for_inspection(host: Host) -> None:
    break_down(host)
    lease = host.lease(0)
    assert lease.state is LeaseState.INSPECT
    assert "could not be restored" in lease.reason
    assert host.lease(1).free


def test_its_own_vf_that_was_left_for_inspection_is_taken_again(host: Host) -> None:
    document = break_down(host)
    refused(host, vmi("two", [entry(host, 0)]), CapacityError)
    host.links.refused, host.links.breaking = set(), set()
    prepare(host, document)
    assert host.lease(0).state is host.lease(1).state is LeaseState.LEASED


def test_a_migration_target_gets_nothing(host: Host) -> None:
    status = {"migrationState": {"targetNode": "here"}}
    prepared = prepare(host, vmi("one", [entry(host, 1)], status=status))
    assert prepared.leased == ()
    assert prepared.note
    assert host.lease(1).free


def test_a_pf_is_no_vf(host: Host) -> None:
    text = refused(host, vmi("one", [{"name": "x", "address": str(PF)}]), RequestError)
    assert "this is a physical function" in text


def test_an_address_without_vf_is_a_lack_of_vfs(host: Host) -> None:
    text = refused(host, vmi("one", [{"name": "x", "address": "0000:7f:00.0"}]), CapacityError)
    assert "found 0000:7f:00.0; 6 VFs on 2 PFs" in text


def test_a_trunk_is_refused(host: Host) -> None:
    text = refused(host, vmi("one", [entry(host, 1, vlan={"trunk": [1, 2]})]), RequestError)
    assert "$[0].vlan" in text
    assert 'found {"trunk": [1, 2]}' in text


def test_a_vmi_without_uid_holds_nothing(host: Host) -> None:
    document = vmi("one", [entry(host, 1)]).replace(b"uid-of-one", b"")
    assert "without name or uid" in refused(host, document, RequestError)


def test_settings_need_an_interface_of_the_pf(tmp_path: Path) -> None:
    host = Host(tmp_path, [replace(PFS[0], interfaces=())])
    assert "no network interface" in refused(host, vmi("one", [entry(host, 1, mac=MAC)]), HostError)
    prepare(host, vmi("one", [entry(host, 1)]))
    assert host.lease(1).state is LeaseState.LEASED


def test_a_pf_in_quarantine_is_not_touched(host: Host) -> None:
    with host.store.lock(PF) as held:
        held.write_record(replace(held.record(), quarantine="a write hangs"))
    assert "a write hangs" in refused(host, vmi("one", [entry(host, 1)]), HostError)
    assert host.links.calls == 0


def pool_entry(name: str) -> dict[str, object]:
    return {"name": name, "pool": "fast"}


def define_pool(host: Host) -> None:
    host.store.write_pool(PoolRecord(PoolDefinition("fast", "eth1", 3), PF))


def test_an_allocated_vf_is_leased_from_its_pool(host: Host) -> None:
    define_pool(host)
    prepare(host, vmi("one", [pool_entry("a")], allocations={"a": host.vf(2)}))
    assert host.lease(2).pool == "fast"


def test_an_allocation_from_another_pf_is_refused(host: Host) -> None:
    define_pool(host)
    document = vmi("one", [pool_entry("a")], allocations={"a": host.vf(2, pf=1)})
    assert "does not belong to pool fast" in refused(host, document, RequestError)


def test_entries_without_allocation_need_free_vfs_in_the_pool(host: Host) -> None:
    define_pool(host)
    host.open(0)
    prepare(host, vmi("other", [entry(host, 1)]))
    prepare(host, vmi("one", [pool_entry("a")]))
    two = vmi("two", [pool_entry("a"), pool_entry("b")])
    assert "found 1 free of 3; expected at least 2" in refused(host, two, CapacityError)


def test_a_pool_that_this_node_does_not_have_is_refused(host: Host) -> None:
    assert "pool fast: no such pool" in refused(host, vmi("one", [pool_entry("a")]), HostError)


def test_the_lease_tells_when(host: Host) -> None:
    prepare(host, vmi("one", [entry(host, 1)]))
    assert host.lease(1).time == NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
