# SPDX-License-Identifier: Apache-2.0
"""``--regenerate-golden``: write what the engine says now; review it as a diff."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-golden",
        action="store_true",
        help="write after.xml and error.txt of tests/golden instead of comparing them",
    )
