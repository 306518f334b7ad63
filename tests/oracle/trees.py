# SPDX-License-Identifier: Apache-2.0
"""The tree of a Debian suite whose libvirt is another than the machine's."""

from pathlib import Path

from tests.suites import machine_suite, suite_tree
from tests.support import missing

OTHER_SUITE = {"bookworm": "trixie", "trixie": "bookworm"}
"""The machine's suite -> a suite whose libvirt differs (9.0 in bookworm, 11.3 in trixie)."""


def other_suite_tree() -> Path:
    """Return the tree of the other suite, building it if its recipe has changed."""
    suite = OTHER_SUITE.get(machine_suite())
    if suite is None:
        missing(f"a second libvirt needs Debian {' or '.join(OTHER_SUITE)} as the machine")
    return suite_tree(suite, f"suite-{suite}.txt", "a second libvirt")
