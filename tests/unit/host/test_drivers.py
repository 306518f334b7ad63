# SPDX-License-Identifier: Apache-2.0
import errno

import pytest

from sidecar.host.drivers import DRIVERS, Driver, driver_named, hints_for


def test_a_driver_that_is_not_known_has_no_hint() -> None:
    assert hints_for("igb") == DRIVERS["igb"].hints
    assert hints_for("somebody's") == ()
    assert driver_named("somebody's") == Driver("somebody's")


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
def test_what_is_said_are_sentences_that_name_what_they_are_about(driver: Driver) -> None:
    assert all(driver.name in hint for hint in (*driver.hints, *driver.errnos.values()))
    assert all(
        hint.endswith(".") and "  " not in hint for hint in (*driver.hints, *driver.errnos.values())
    )


@pytest.mark.parametrize("driver", DRIVERS.values(), ids=DRIVERS)
def test_what_is_peculiar_is_said_too(driver: Driver) -> None:
    said = " ".join(driver.hints)
    assert driver.limit is None or f"at most {driver.limit} VFs" in said
    assert not driver.needs_pf_up or "down" in said
    assert not driver.may_make_fewer or "fewer" in said
    assert set(driver.errnos) <= set(errno.errorcode)
