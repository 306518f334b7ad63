# SPDX-License-Identifier: Apache-2.0
"""A pool that is defined on another PF while a command waits for the lock of the first one."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Thread

import pytest

from sidecar.errors import BusyError
from sidecar.model.pci import PciAddress
from sidecar.pools.operations import Pools
from sidecar.state.files import Folder
from sidecar.state.locks import is_awaited
from tests.unit.pools.conftest import OTHER, PF, PoolHost

ADDRESS = PciAddress.parse(PF)


@pytest.mark.parametrize(
    "act",
    [
        lambda pools: pools.start("fast"),
        lambda pools: pools.stop("fast"),
        lambda pools: pools.recover("fast"),
        lambda pools: pools.set_autostart("fast", autostart=True),
    ],
)
def test_nothing_happens_to_the_pf_that_it_was_on(
    host: PoolHost, act: Callable[[Pools], object]
) -> None:
    host.define(2)
    errors: list[BusyError] = []

    def run() -> None:
        with pytest.raises(BusyError) as caught:
            act(host.pools)
        errors.append(caught.value)

    with host.store.lock(ADDRESS):
        thread = Thread(target=run)
        thread.start()
        with Folder(host.state / "pfs" / PF) as folder:
            while not is_awaited(folder):
                time.sleep(0.001)
        record = host.pools.record("fast")
        host.store.write_pool(replace(record, pf=PciAddress.parse(OTHER)))
    thread.join()
    assert f"found {PF} before, {OTHER} now" in str(errors[0])
    assert (host.vfs(), host.kernel.vfs(OTHER)) == ((), ())
    assert not host.pools.record("fast").autostart
