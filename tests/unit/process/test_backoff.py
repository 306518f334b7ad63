# SPDX-License-Identifier: Apache-2.0
from sidecar.process.backoff import Backoff


def test_each_failure_in_a_row_waits_twice_as_long_up_to_five_minutes() -> None:
    backoff = Backoff()
    waits = [backoff.failed("pool", 0.0) for _ in range(11)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_hundreds_of_failures_are_no_trouble() -> None:
    backoff = Backoff()
    assert {backoff.failed("pool", 0.0) for _ in range(2000)} >= {300.0}


def test_it_is_left_alone_until_its_time_and_no_longer() -> None:
    backoff = Backoff()
    backoff.failed("pool", 10.0)
    assert not backoff.ready("pool", 10.9)
    assert backoff.ready("pool", 11.0)
    assert backoff.ready("another", 10.0)
    assert backoff.next() == 11.0


def test_a_success_forgets_the_failures() -> None:
    backoff = Backoff()
    backoff.failed("pool", 0.0)
    backoff.failed("pool", 0.0)
    backoff.succeeded("pool")
    assert backoff.next() is None
    assert backoff.failed("pool", 0.0) == 1.0


def test_what_is_no_more_is_forgotten() -> None:
    backoff = Backoff()
    backoff.failed("gone", 0.0)
    backoff.failed("kept", 0.0)
    backoff.keep(["kept"])
    assert backoff.ready("gone", 0.0)
    assert not backoff.ready("kept", 0.0)
