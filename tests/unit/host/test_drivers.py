# SPDX-License-Identifier: Apache-2.0
import pytest

from sidecar.host.drivers import HINTS, hints_for


def test_a_driver_that_is_not_known_has_no_hint() -> None:
    assert hints_for("igb") == HINTS["igb"]
    assert hints_for("somebody's") == ()


@pytest.mark.parametrize("driver", HINTS)
def test_hints_are_sentences_that_name_what_they_are_about(driver: str) -> None:
    assert any(driver in hint for hint in HINTS[driver])
    assert all(hint.endswith(".") and "  " not in hint for hint in HINTS[driver])
