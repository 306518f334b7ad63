# SPDX-License-Identifier: Apache-2.0
"""`make demo` installs what every command imports, early or late."""

import ast
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.setup.machine import ROOT, Machine

SOURCES = sorted((ROOT / "sidecar").rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Yield the top-level module of each import, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


@pytest.mark.parametrize("need", ["demo", "test"])
def test_no_command_lacks_a_module(tmp_path: Path, need: str) -> None:
    machine = Machine(tmp_path)
    machine.bootstrap(need)
    installed = machine.installed()
    packages = metadata.packages_distributions()
    used = {name for path in SOURCES for name in imports(path)}
    foreign = used - sys.stdlib_module_names - {"sidecar"}
    assert {"grpc", "libvirt", "prometheus_client", "pyroute2", "typer"} <= foreign
    lacking = {
        name: packages.get(name, [])
        for name in sorted(foreign)
        if not {canonicalize_name(one) for one in packages.get(name, ())} & installed.keys()
    }
    assert lacking == {}
