# SPDX-License-Identifier: Apache-2.0
"""docs/node-agent.md's table of refusals, row by row: each is brought about and told as it says."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from sidecar.agent import prepare
from sidecar.agent import release as giveback
from sidecar.errors import PortsideError
from sidecar.model.guest import GuestDevice
from sidecar.model.pci import PciAddress
from sidecar.model.pool import PoolDefinition, PoolRecord
from sidecar.pools.rules.availability import NO_LIBVIRT, Guests
from sidecar.process.grpc_status import status_code
from tests.fakes.host import PFS, Host, vmi

ROOT = Path(__file__).parents[3]
PF, OTHER = (PciAddress.parse(pf.address) for pf in PFS)
MAC = "52:54:00:00:00:01"


class Case:
    """A host, a VMI that asks for VF 1 of its first PF, and libvirt's answer; to be spoilt."""

    def __init__(self, folder: Path) -> None:
        self.host = Host(folder)
        self.entry: dict[str, object] = {"name": "a", "address": self.host.vf(1)}
        self.entries = [self.entry]
        self.allocations: dict[str, str] = {}
        self.guests = NO_LIBVIRT
        self.busy: AbstractContextManager[object] = nullcontext()

    def document(self) -> bytes:
        return vmi("one", self.entries, allocations=self.allocations)

    def start(self) -> None:
        """Answer PreVMStart."""
        with self.busy:
            prepare.Preparer(self.host.node, lambda: self.guests).prepare(self.document())

    def before(self, **entry: object) -> None:
        """Have another VMI get its VFs before."""
        document = vmi("first", [{"name": "b", "address": self.host.vf(1), **entry}])
        prepare.Preparer(self.host.node, lambda: NO_LIBVIRT).prepare(document)

    def ask_a_pool(self, *, pf: PciAddress | None = PF) -> None:
        self.entries[:] = [{"name": "a", "pool": "fast"}]
        if pf is not None:
            self.host.store.write_pool(PoolRecord(PoolDefinition("fast", "eth1", 3), pf))


def leased(case: Case) -> None:
    case.before()


def in_use(case: Case) -> None:
    case.host.open(1)


def configured(case: Case) -> None:
    vf = PciAddress.parse(case.host.vf(1))
    case.guests = Guests((GuestDevice("web", "uuid", "shut off", live=False, vf=vf),))


def unknown(case: Case) -> None:
    case.guests = Guests(unknown="no such socket")


def same_mac(case: Case) -> None:
    case.before(address=case.host.vf(2), mac=MAC)
    case.entry["mac"] = MAC


def no_vf(case: Case) -> None:
    case.entry["address"] = "0000:7f:00.0"


def too_few(case: Case) -> None:
    case.ask_a_pool()
    for index in range(3):
        case.host.open(index)


def a_pf(case: Case) -> None:
    case.entry["address"] = str(PF)


def another_pf(case: Case) -> None:
    case.ask_a_pool(pf=OTHER)
    case.allocations = {"a": case.host.vf(1)}


def no_pool(case: Case) -> None:
    case.ask_a_pool(pf=None)


def quarantine(case: Case) -> None:
    with case.host.store.lock(PF) as held:
        held.write_record(replace(held.record(), quarantine="a write hangs"))


def driver_refuses(case: Case) -> None:
    case.entry["mac"] = MAC
    case.host.links.refused = {1}


def no_interface(case: Case) -> None:
    case.entry["mac"] = MAC
    for name in (case.host.tree.function(str(PF)) / "net").iterdir():
        name.rename(case.host.tree.root / name.name)


def busy(case: Case) -> None:
    case.busy = case.host.store.lock(PF)


CASES: Final[Mapping[str, tuple[Callable[[Case], None], str]]] = {
    "the VF is leased to another": (leased, "belongs to vmi default/first"),
    "the VF is in use by what the kernel or libvirt shows": (in_use, "is in use"),
    "the configuration of one of libvirt's domains names the VF": (configured, "domain web"),
    "nobody can tell whether the VF is free": (unknown, "cannot query libvirt"),
    "another function of the PF has the MAC address": (same_mac, "has this MAC address"),
    "there is no VF at that address": (no_vf, "no VF at this address"),
    "a pool has too few free VFs": (too_few, "too few free VFs; found 0 free of 3"),
    "the address is a PF's": (a_pf, "found a PF"),
    "the VF is of another PF than its pool": (another_pf, "does not belong to pool fast"),
    "there is no such pool": (no_pool, "pool fast: no such pool"),
    "the PF is in quarantine": (quarantine, "a write hangs"),
    "the PF's driver refuses a setting": (driver_refuses, "the driver refuses it"),
    "the PF's interface is not here": (no_interface, "no network interface here"),
    "another command of ours holds the PF for more than 10 s": (busy, "waiting for the lock"),
}


def rows() -> dict[str, str]:
    """Return condition and gRPC code of each row; what follows a semicolon or bracket explains."""
    text = (ROOT / "docs/node-agent.md").read_text(encoding="utf-8")
    table = text.partition("| refused because | class | who acts |\n")[2].partition("\n\n")[0]
    found = re.findall(r"^\| ([^|]+?) \| `([A-Z_]+)` \| [^|]+ \|$", table, re.MULTILINE)
    assert len(found) == len(table.splitlines()) - 1
    return {re.split(r"; | \(", condition)[0]: code for condition, code in found}


def test_every_row_has_its_case() -> None:
    assert list(rows()) == list(CASES)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for a lock that nobody gives up."""
    assert prepare.LOCK_SECONDS == 10
    monkeypatch.setattr(prepare, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(giveback, "LOCK_SECONDS", 0.05)


@pytest.mark.parametrize("row", CASES)
def test_a_refusal_is_told_as_the_table_says(tmp_path: Path, row: str) -> None:
    spoil, says = CASES[row]
    case = Case(tmp_path)
    case.start()  # nothing stands against it but what follows
    giveback.give_back(case.host.node, case.document())
    spoil(case)
    before = [lease for lease in case.host.store.all_leases() if not lease.free]
    with pytest.raises(PortsideError) as caught:
        case.start()
    assert says in str(caught.value)
    assert status_code(caught.value).name == rows()[row]
    assert [lease for lease in case.host.store.all_leases() if not lease.free] == before


def test_a_held_pf_is_told_at_the_vms_end_too(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.entries.append({"name": "b", "address": case.host.vf(0, 1)})
    case.start()
    with case.host.store.lock(PF), pytest.raises(PortsideError) as caught:
        giveback.give_back(case.host.node, case.document())
    assert status_code(caught.value).name == "UNAVAILABLE"
    # The other PF's VF does not wait for that.
    assert [lease.pf for lease in case.host.store.all_leases() if not lease.free] == [PF]
    giveback.give_back(case.host.node, case.document())
    assert all(lease.free for lease in case.host.store.all_leases())
