# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

from sidecar.doctor.rules.finding import Code

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"


def test_each_code_is_explained_and_no_other() -> None:
    text = PAGE.read_text()
    explained = re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)
    assert len(explained) == len(set(explained))
    sentence = next(line for line in text.splitlines() if line.startswith("What is fine"))
    fine = re.findall(r"`([a-z]+)`", sentence)
    assert {*explained, *fine} == {str(code) for code in Code}
