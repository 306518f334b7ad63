# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: what runs beside what under pytest-xdist, and what tests measured.

Whatever shares a VM, images or a module's fixtures goes to one worker.
"""

import os
from pathlib import Path

import pytest

# As sidecar.cli.main does, before gRPC is loaded: with its handlers of fork(2), a child that
# libvirt forks in a process in which gRPC has run ends by SIGABRT, and the embedded libvirt finds
# no QEMU. Which test comes first must not matter.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

TESTS = Path(__file__).parent
WHOLE_FOLDERS = ("card", "cluster", "container")
"""Each has one VM, API server or set of images for all of its modules."""


# Before pytest-xdist's own, which writes the groups into the names that it deals out by.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name each test's group: its folder where that shares a VM or the like, else its module.

    pytest-xdist runs the tests of a group in one process, one after the other.
    """
    for item in items:
        path = item.path.relative_to(TESTS)
        shared = path.parts[0] in WHOLE_FOLDERS
        item.add_marker(pytest.mark.xdist_group(path.parts[0] if shared else str(path)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests recorded as properties, whichever process they ran in."""
    lines = [
        f"{report.nodeid.rpartition('::')[2].partition('@')[0]}: {name}: {value}"
        for report in terminalreporter.stats.get("", [])
        if report.when == "teardown"
        for name, value in report.user_properties
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)
