# SPDX-License-Identifier: Apache-2.0
"""What holds for every test: its environment, and what tests measured."""

import os

import pytest

# As sidecar.cli.main does, before gRPC is loaded: with its handlers of fork(2), a child that
# libvirt forks in a process in which gRPC has run ends by SIGABRT, and the embedded libvirt finds
# no QEMU. Which test comes first must not matter.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests recorded as properties."""
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
