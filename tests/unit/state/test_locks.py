# SPDX-License-Identifier: Apache-2.0
"""A PF's lock: one holder, in the order of coming, with a time limit, and nobody else's."""

import os
import signal
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import grpc
import pytest

from sidecar.errors import BusyError
from sidecar.process.grpc_status import status_code
from sidecar.state.files import Folder
from sidecar.state.locks import LOCK, QUEUE, is_awaited
from sidecar.state.store import Store
from tests.unit.state.leases import OTHER, PF

MANY = 600.0
"""Seconds: no test ends by it."""


@contextmanager
def thread(act: object) -> Iterator[None]:
    assert callable(act)
    running = Thread(target=act)
    running.start()
    yield
    running.join()


def wait_for_a_waiter(folder: Path) -> None:
    with Folder(folder) as opened:
        while not is_awaited(opened):
            time.sleep(0.001)


def test_threads_exclude_each_other_too(store: Store, folder: Path) -> None:
    with store.lock(PF):
        with pytest.raises(BusyError) as caught, store.lock(PF, seconds=0.05):
            pytest.fail("locked twice")
        with store.lock(OTHER, seconds=0.05):
            pass
    assert "timed out after 0.05 s waiting for the lock" in str(caught.value)
    assert f"held by process '{os.getpid()} " in str(caught.value)
    assert status_code(caught.value) is grpc.StatusCode.UNAVAILABLE
    assert (folder / "lock").read_text() == ""


def test_who_holds_it_again_and_again_lets_the_others_in(store: Store, folder: Path) -> None:
    turns: list[str] = []

    def enter() -> None:
        with store.lock(PF, MANY):
            turns.append("waiter")

    with store.lock(PF):
        running = Thread(target=enter)
        running.start()
        wait_for_a_waiter(folder)
    for _ in range(20):
        with store.lock(PF, MANY):
            turns.append("holder")
    running.join()
    assert turns == ["waiter", *["holder"] * 20]


def test_who_waited_in_vain_is_not_waited_for(store: Store, folder: Path) -> None:
    with store.lock(PF):
        with pytest.raises(BusyError), store.lock(PF, seconds=0.01):
            pass
        with Folder(folder) as opened:
            assert not is_awaited(opened)
    with store.lock(PF, seconds=0):
        pass


def hold_for_ever(store: Store) -> None:
    with store.lock(PF, MANY):
        signal.pause()


def test_a_killed_process_leaves_neither_lock_nor_ticket(store: Store, folder: Path) -> None:
    context = get_context("fork")
    with store.lock(PF):
        waiter = context.Process(target=hold_for_ever, args=(store,))
        waiter.start()
        wait_for_a_waiter(folder)
        waiter.kill()
        waiter.join()
    with store.lock(PF, seconds=0):
        pass
    holder = context.Process(target=hold_for_ever, args=(store,))
    holder.start()
    while not (folder / LOCK).read_text().startswith(f"{holder.pid} "):
        time.sleep(0.001)
    holder.kill()
    holder.join()
    with store.lock(PF, seconds=0):
        pass


@pytest.mark.parametrize("name", [LOCK, QUEUE])
def test_nobody_else_may_open_it(store: Store, folder: Path, name: str) -> None:
    old = os.umask(0)
    try:
        with store.lock(PF):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
        # As earlier versions made it.
        (folder / name).chmod(0o644)
        with store.lock(PF):
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    finally:
        os.umask(old)


def test_a_lock_that_is_taken_away_excludes_nobody_from_the_new_one(
    store: Store, folder: Path
) -> None:
    with store.lock(PF):
        (folder / LOCK).unlink()
        with store.lock(PF, seconds=0):
            pass
