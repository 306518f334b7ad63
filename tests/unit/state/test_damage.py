# SPDX-License-Identifier: Apache-2.0
import errno
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.errors import CapacityError, HostError, RequestError
from sidecar.model.lease import LeaseState
from sidecar.model.pool import PfRecord, PoolDefinition, PoolRecord
from sidecar.state.store import Store
from tests.unit.state.leases import ALL, ANN, NOW, PF, lease_one


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 0}',
        "\x00" * 9,
        "[" * 99999,
        '{"a":1,"a":2}',
    ],
)
def test_a_damaged_lease_is_never_free(store: Store, folder: Path, text: str) -> None:
    lease_one(store)
    file = folder / "vf-3.json"
    file.write_text(text)
    assert store.leases(PF)[3].state is LeaseState.INSPECT
    assert file.read_text() == text
    with store.lock(PF) as held:
        lease = held.leases()[3]
        assert (lease.state, lease.holder) == (LeaseState.INSPECT, None)
        assert str(file) in lease.reason
        assert lease.generation > 1
        with pytest.raises(CapacityError):
            held.take(3, ANN, ALL, "", NOW)
    assert (folder / "vf-3.json.damaged-1").read_text() == text
    assert store.leases(PF)[3] == lease


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"trust": true', '"trust": 1', r"\$\.settings\.trust"),
        ('"trust": true', '"turst": true', r"\$\.settings\.turst"),
        ('"kind": "vmi"', '"kind": "vm"', r"\$\.holder\.kind"),
        ('"index": 3', '"index": 4', "another VF"),
        ('"generation": 1', '"generation": -1', r"\$\.generation"),
        ('"generation": 1', '"generation": true', r"\$\.generation"),
        ('"state": "leased"', '"state": "free"', "do not match"),
        ('"time": "2026', '"time": "when 2026', r"\$\.time"),
        ('"id": 7', '"id": 4095', r"\$\.settings\.vlan"),
        ('"pool": "blue",', "", r"\$\.pool"),
    ],
)
def test_damage_is_named_by_file_and_key(
    store: Store, folder: Path, old: str, new: str, path: str
) -> None:
    lease_one(store)
    file = folder / "vf-3.json"
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))
    lease = store.leases(PF)[3]
    assert lease.state is LeaseState.INSPECT
    assert str(file) in lease.reason
    assert re.search(path, lease.reason)


def test_a_lease_that_was_taken_away_is_to_be_inspected(store: Store, folder: Path) -> None:
    lease_one(store)
    (folder / "vf-3.json").unlink()
    assert store.leases(PF)[3].state is LeaseState.INSPECT
    with store.lock(PF) as held:
        assert "its record is missing" in held.leases()[3].reason
        assert held.leases()[3].generation > 1


def test_a_pf_record_is_not_made_up(store: Store, folder: Path) -> None:
    lease_one(store)
    (folder / "pf.json").write_text("{}")
    for look in (store.leases, store.record):
        with pytest.raises(HostError, match=r"pf\.json"):
            look(PF)
    (folder / "pf.json").unlink()
    with pytest.raises(HostError, match="missing, although its VFs have records"), store.lock(PF):
        pytest.fail("locked")


def test_a_later_version_is_left_alone(store: Store, folder: Path) -> None:
    lease_one(store)
    text = (folder / "vf-3.json").read_text().replace('"format": 1', '"format": 2')
    (folder / "vf-3.json").write_text(text)
    with pytest.raises(HostError, match="newer version of Portside"), store.lock(PF):
        pytest.fail("locked")
    assert (folder / "vf-3.json").read_text() == text


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("vf-1.json"), Path.mkdir])
def test_only_regular_files_are_read(
    store: Store, folder: Path, make: Callable[[Path], object]
) -> None:
    lease_one(store)
    (folder / "vf-3.json").unlink()
    make(folder / "vf-3.json")
    with pytest.raises(HostError, match=r"vf-3\.json"):
        store.leases(PF)


def test_a_damaged_pool_is_an_error(store: Store, tmp_path: Path) -> None:
    store.write_pool(PoolRecord(PoolDefinition("a", "eth0"), PF))
    pools = tmp_path / "deep/state/pools"
    (pools / "a.json").rename(pools / "b.json")
    for look in (store.pools, lambda: store.pool("b")):
        with pytest.raises(HostError, match=r"b\.json: the record of another pool"):
            look()
    for bad in ("", "\udc80"):
        with pytest.raises(RequestError, match="a pool"):
            store.pool(bad)


@pytest.mark.parametrize("call", ["write", "fsync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
def test_what_the_disk_refuses_leaves_the_old_record(
    store: Store, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    lease_one(store)
    before = store.leases(PF)[3]

    def refuse(*_arguments: object, **_named: object) -> None:
        raise OSError(number, os.strerror(number))

    with store.lock(PF) as held:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, refuse)
            with pytest.raises(HostError, match=os.strerror(number)):
                held.mark(3, "for a look", NOW)
        assert held.leases()[3] == before
    assert dict(store.leases(PF)) == {3: before}


def test_what_may_not_last_is_told_and_seen(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lease_one(store)
    flush = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        flush(descriptor)

    record = PfRecord(PF, made=3)
    pool = PoolRecord(PoolDefinition("a", "eth0"), PF)
    store.write_pool(pool)
    with store.lock(PF) as held:
        acts: list[Callable[[], object]] = [
            lambda: held.mark(3, "for a look", NOW),
            lambda: held.write_record(record),
            lambda: store.remove_pool("a"),
        ]
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", refuse_folders)
            for act in acts:
                with pytest.raises(HostError, match="could not be flushed to disk"):
                    act()
        assert held.leases() == store.leases(PF)
        assert held.leases()[3].state is LeaseState.INSPECT
        assert held.record() == store.record(PF) == record
        held.clear(3, NOW)
        held.take(4, ANN, ALL, "", NOW)
    assert (store.record(PF), store.pools()) == (record, ())
