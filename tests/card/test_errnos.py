# SPDX-License-Identifier: Apache-2.0
"""The kernel answers to writes of ``sriov_numvfs`` as the table says."""

import json
from collections.abc import Iterator

import pytest

from tests.card.card import Card
from tests.card.errnos import TOTAL, WRITES, Write
from tests.card.sysfs import SECOND, read

pytestmark = pytest.mark.card

SCRIPT = "/project/tests/card/guest/write_numvfs.py"
# A write that hangs must show as a timeout, not hang the tests.
SECONDS = 30.0


@pytest.fixture(scope="module")
def pf(card: Card) -> Iterator[str]:
    """The PF that loses drivers and VFs here; afterwards as it was."""
    assert int(read(card, SECOND, "sriov_totalvfs")) == TOTAL
    yield SECOND
    write(card, SECOND, Write("as it was", 0, "0", "", 0, up=False))


def write(card: Card, pf: str, row: Write) -> object:
    link = "up" if row.up else "down"
    state = (pf, row.driver or "-", link, str(row.present))
    return json.loads(card.run("python3", SCRIPT, *state, row.value, seconds=SECONDS))


@pytest.mark.parametrize("row", WRITES, ids=[row.name for row in WRITES])
def test_the_kernel_answers_as_the_table_says(card: Card, pf: str, row: Write) -> None:
    assert write(card, pf, row) == {"errno": row.errno, "left": row.left, "kept": row.kept}
