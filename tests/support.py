# SPDX-License-Identifier: Apache-2.0
"""What every folder of tests needs: data files and the rule for absent tools."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

DATA = Path(__file__).parent / "data"
RECORDINGS = DATA / "kubevirt-1.9"
ASKED = DATA / "kubevirt-1.9-asked"


def missing(reason: str) -> NoReturn:
    """Skip a test that needs something absent; under CI=true fail instead."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must provide it: {reason}")
    pytest.skip(reason)
