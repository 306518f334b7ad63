# SPDX-License-Identifier: Apache-2.0
"""Domains of other people, recombined: nothing differs from libvirt.

libvirt's own test files are not part of this repository. Unpack libvirt's source package and
name the folder: ``PORTSIDE_CORPUS=.../tests/qemuxmlconfdata pytest tests/oracle/test_corpus.py``;
``PORTSIDE_CORPUS_COUNT`` says how many domains to compare.
"""

import os
from pathlib import Path

import pytest

from tests.oracle.corpus import compare_corpus, read_corpus
from tests.oracle.oracle import Oracle

pytestmark = pytest.mark.slow


def test_nothing_differs(oracles: tuple[Oracle, ...]) -> None:
    folder = os.environ.get("PORTSIDE_CORPUS")
    if not folder:
        pytest.skip("PORTSIDE_CORPUS names no folder of domains, like libvirt's own test files")
    count = int(os.environ.get("PORTSIDE_CORPUS_COUNT", "2000"))
    first, *rest = sorted(oracles, key=lambda oracle: oracle.libvirt, reverse=True)
    seen, found = compare_corpus(Path(folder), first, rest, count, seed=1)
    assert not found, f"{dict(seen)}\n\n{found[0]}"
    assert seen["same"] > 0.8 * count


def test_our_own_domains_are_a_corpus(oracles: tuple[Oracle, ...]) -> None:
    """Few and alike, but here: the recombination itself is tried in every run."""
    folder = Path(__file__).parents[1] / "golden"
    assert any(parts.whole for parts in read_corpus(folder).values())
    first, *rest = sorted(oracles, key=lambda oracle: oracle.libvirt, reverse=True)
    seen, found = compare_corpus(folder, first, rest, 400, seed=2)
    assert not found, f"{dict(seen)}\n\n{found[0]}"
    assert seen["same"] > 200, dict(seen)
