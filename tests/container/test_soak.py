# SPDX-License-Identifier: Apache-2.0
"""Ten thousand calls to one hook: more than a VM makes in its life."""

import itertools
import time
from collections.abc import Callable

import pytest

from tests.container.cgroup import read_memory
from tests.container.conftest import StartHook
from tests.container.podman import MEMORY_BYTES
from tests.wire.hookprocess import call_info, define_v1alpha3, wait_until
from tests.wire.recordings import CALLS, asking, domain_of, name_of, vmi_of

pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]

CALLS_IN_ALL = 10_000
WARM = 1_000
WORKING_SET = MEMORY_BYTES // 2
GROWTH = 1 << 20
"""Bytes between call 1,000 and call 10,000; a leak of 120 bytes a call would be more."""


def test_ten_thousand_calls_leave_memory_flat(
    start_hook: StartHook, record_property: Callable[[str, object], None]
) -> None:
    # The calls of whole boots, one after the other, of VMIs that ask for eight interfaces.
    boots = [(domain_of(call), asking(vmi_of(call), interfaces=8)) for call in CALLS]
    container = start_hook()
    wait_until(container.socket.exists)
    call_info(container.socket)
    pid = container.pid
    first: dict[int, bytes] = {}
    warm = None
    started = time.monotonic()
    for number, (index, (domain, vmi)) in enumerate(
        itertools.islice(itertools.cycle(enumerate(boots)), CALLS_IN_ALL), start=1
    ):
        answer = define_v1alpha3(container.socket, domain, vmi)
        assert answer == first.setdefault(index, answer), name_of(CALLS[index])
        if number == WARM:
            warm = read_memory(pid)
    seconds = time.monotonic() - started
    assert warm is not None
    end = read_memory(pid)
    record_property("milliseconds a call under 0.2 CPU", round(seconds * 1000 / CALLS_IN_ALL, 2))
    record_property("memory after 1,000 calls", warm)
    record_property("memory after 10,000 calls", end)
    assert end.limit <= MEMORY_BYTES
    assert end.working_set < WORKING_SET, end
    assert end.anonymous - warm.anonymous < GROWTH, (warm, end)
    assert container.pid == pid
    assert container.state["OOMKilled"] is False
