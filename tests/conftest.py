# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: what runs beside what under pytest-xdist, and what tests measured.

Whatever shares a VM, images or a module's fixtures goes to one worker.
"""

import os
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# As sidecar.cli.main does, before gRPC is loaded: with its handlers of fork(2), a child that
# libvirt forks in a process in which gRPC has run ends by SIGABRT, and the embedded libvirt finds
# no QEMU. Which test comes first must not matter.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

TESTS = Path(__file__).parent
WHOLE_FOLDERS = ("card", "cluster", "container")
"""Each has one VM, API server or set of images for all of its modules."""


def group_of(nodeid: str) -> str:
    """Name a test's group: its folder where that shares a VM or the like, else its module."""
    module = nodeid.partition("::")[0]
    folder = module.partition("tests/")[2].partition("/")[0]
    return folder if folder in WHOLE_FOLDERS else module


class ByGroup(LoadScopeScheduling):  # type: ignore[misc] # pytest-xdist's schedulers have no types
    """Runs the tests of a group in one process, one after the other.

    pytest-xdist 3.8 reads its own groups from an attribute that pytest 9.2 has no more.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByGroup:
    """Deal the tests out by group, whatever ``--dist`` says."""
    return ByGroup(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests recorded as properties, whichever process they ran in."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {name}: {value}"
        for report in terminalreporter.stats.get("", [])
        if report.when == "teardown"
        for name, value in report.user_properties
    ]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(line)
